import { RewardWindow } from '../actor/reward-window.js';
import { ConfigurationError } from '../errors.js';
import type { Checkpoint } from './checkpoint.js';
import { readCheckpoint } from './checkpoint-files.js';
import type { MarlConfiguration } from './configuration.js';
import { MarlSystem } from './marl-system.js';
import type { RunPlatform } from './saved-run.js';
import { savedRun, thisPlatform } from './saved-run.js';
import { settingsHash } from './written-configuration.js';

/** When the run is to end, if not as it was configured; what is done already counts. */
export interface ResumeOptions {
  /** Epochs of the whole run. */
  readonly epochs?: number | undefined;
  /** Turns of the whole run. */
  readonly totalTurns?: number | undefined;
  /** Seconds of the whole run, those before the checkpoint included. */
  readonly maxSeconds?: number | undefined;
  readonly stopAtReward?: number | undefined;
  /** Epoch of the checkpoint to go on from. Default: the newest. */
  readonly checkpoint?: number | undefined;
}

/**
 * A run that goes on from a checkpoint, in the same directory: records behind the checkpoint are made anew. In
 * `sequential` and `lockstep` it comes to the bits of a run that was never interrupted. An `async` run is no longer
 * recorded, for its schedule begins at the beginning.
 * @throws MarlinError `ERR_CHECKPOINT` where there is none, it is damaged, or the run has all behind it that it is to do;
 * `ERR_RUN_DIRECTORY` where there is no run; ConfigurationError
 */
export async function resumeRun(directory: string, options: ResumeOptions = {}): Promise<MarlSystem> {
  const { configuration, platform } = await savedRun(directory);
  const { experiment, output, parallel } = configuration;
  const isExact = parallel?.execution !== 'async';
  const from = await readCheckpoint(directory, isExact, options.checkpoint);
  const ends = { epochs: options.epochs, totalTurns: options.totalTurns, maxSeconds: options.maxSeconds };
  const given = Object.entries({ ...ends, stopAtReward: options.stopAtReward }).filter(([, end]) => end !== undefined);
  const resumed: MarlConfiguration = {
    ...configuration,
    experiment: { ...experiment, ...Object.fromEntries(given) },
    output: { ...output, directory, schedule: false },
  };
  checkUnfinished(resumed, from, directory);
  warnOfPlatform(platform, directory);
  if (settingsHash(configuration) !== from.manifest.settings) {
    const message = `config.json in ${directory} is not as it was when the checkpoint was taken: this becomes another run.`;
    process.emitWarning(message, 'MarlinWarning');
  }
  if (isExact && from.manifest.isInside) {
    const message = `The only checkpoint of ${directory} is one inside an epoch, which is played once more: the bits will be others than without the interruption.`;
    process.emitWarning(message, 'MarlinWarning');
  }
  return new MarlSystem(resumed, from);
}

function checkUnfinished({ experiment }: MarlConfiguration, { manifest }: Checkpoint, directory: string): void {
  const { epochs = Infinity, totalTurns = Infinity } = experiment ?? {};
  const refuse = (field: string, end: number | 'Infinity', done: number): void => {
    if (typeof end !== 'number' || end > done) return;
    const why = `the run in ${directory} has that behind it`;
    throw new ConfigurationError(`experiment.${field}`, end, `more than ${done}, where the checkpoint is`, why);
  };
  refuse('epochs', epochs, manifest.epoch);
  refuse('totalTurns', totalTurns, manifest.turns);
  const { rewards, epochs: played } = manifest.monitor;
  const window = new RewardWindow();
  window.goOn(rewards, played);
  if (window.reaches(experiment?.stopAtReward)) refuse('stopAtReward', experiment?.stopAtReward ?? 0, window.mean);
}

/** It goes on all the same: what is learnt is as good, only not the same to the last bit. */
function warnOfPlatform(platform: RunPlatform, directory: string): void {
  const own = thisPlatform();
  for (const key of ['engine', 'architecture', 'kernels'] as const) {
    if (own[key] === platform[key]) continue;
    const message = `${directory} was made with ${key} ${platform[key]}; here it is ${own[key]}, which may come to other bits.`;
    process.emitWarning(message, 'MarlinWarning');
  }
}
