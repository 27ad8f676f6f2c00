import { MarlinError } from '../errors.js';
import { readCheckpoint } from './checkpoint.js';
import type { MarlConfiguration } from './configuration.js';
import { MarlSystem } from './marl-system.js';
import { savedRun } from './saved-run.js';

export interface ResumeOptions {
  /** Epochs of the whole run, those done included. Default: as it was configured. */
  readonly epochs?: number;
  /** Epoch of the checkpoint to go on from. Default: the newest. */
  readonly checkpoint?: number;
}

/**
 * A run that goes on from a checkpoint, in the same directory: records behind the checkpoint are made anew. In
 * `sequential` and `lockstep` it comes to the bits of a run that was never interrupted. An `async` run is no longer
 * recorded, for its schedule begins at the beginning.
 * @throws MarlinError `ERR_CHECKPOINT` where there is none, or it is damaged; `ERR_RUN_DIRECTORY` where there is no run
 */
export async function resumeRun(directory: string, { epochs, checkpoint }: ResumeOptions = {}): Promise<MarlSystem> {
  const { configuration } = await savedRun(directory);
  const from = await readCheckpoint(directory, checkpoint);
  const { experiment } = configuration;
  const whole = epochs ?? experiment?.epochs ?? Infinity;
  if (typeof whole === 'number' && whole <= from.manifest.epoch) {
    const message = `The run in ${directory} has its ${whole} epochs behind it: the checkpoint is that of epoch ${from.manifest.epoch}. Ask for more.`;
    throw new MarlinError('ERR_CHECKPOINT', message);
  }
  const resumed: MarlConfiguration = {
    ...configuration,
    experiment: { ...experiment, epochs: whole },
    output: { ...configuration.output, directory, schedule: false },
  };
  return new MarlSystem(resumed, from);
}
