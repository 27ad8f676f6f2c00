import type { Command } from 'commander';
import { algorithmNames } from '../algorithms/algorithms.js';
import { games } from '../games/games.js';
import type { RecordSink } from '../metrics/record.js';
import type { MarlConfiguration } from '../system/configuration.js';
import { MarlSystem } from '../system/marl-system.js';
import { exitCodes } from './exit-codes.js';
import { defaultRunDirectory } from './run-name.js';
import type { SettingsTree } from './settings-tree.js';
import { assign } from './settings-tree.js';
import { watchForEnd } from './signals.js';
import type { TrainFlags } from './train-options.js';
import { addTrainOptions, givenSettings, parseAssignment } from './train-options.js';

const help = `
Games:      ${games.map((game) => `${game.name}: ${game.summary}`).join('\n            ')}
Algorithms: ${algorithmNames().join(', ')}

Progress goes to standard error, the result to standard output. Ctrl-C ends the run in good order; SIGUSR2 makes it write a
checkpoint at the end of the epoch under way. A run that ended, or was killed, goes on with --resume.
Exit codes: 0 done, 1 the run failed, 2 wrong usage, 130 interrupted.

Examples:
  marlin train treasurehunt --epochs 500 --seed 7
  marlin train treasurehunt --set environmentOptions.variant=gems-only
  marlin train --config my-experiment.json --execution sequential --json
  marlin train --resume runs/treasurehunt-20261120-073258 --epochs 1000
`;

export function addTrainCommand(program: Command): void {
  const command = program
    .command('train')
    .description('train agents in a game')
    .argument('[game]', 'a built-in game; default treasurehunt, or what --config says');
  addTrainOptions(command)
    .showHelpAfterError('(marlin train --help lists all options)')
    .addHelpText('after', help)
    .action(async (game: string | undefined, options: TrainFlags & Record<string, unknown>) => {
      if (options.json === true && options.metrics === true) {
        command.error('error: --json promises a single line on standard output, which --metrics would break');
      }
      process.exitCode = await train(await systemOf(command, game, options), options);
    });
}

/** Flags that may be given with --resume: when the run ends, and what is printed. */
const resumeFlags: ReadonlySet<string> = new Set([
  'resume',
  'checkpoint',
  'epochs',
  'steps',
  'maxSeconds',
  'stopAtReward',
  'metrics',
  'json',
  'quiet',
]);

async function systemOf(
  command: Command,
  game: string | undefined,
  options: TrainFlags & Record<string, unknown>,
): Promise<MarlSystem> {
  const { resume, checkpoint } = options;
  if (resume === undefined) {
    if (checkpoint !== undefined)
      command.error('error: --checkpoint says where to go on with the run that --resume names');
    return new MarlSystem(await buildConfiguration(game, options));
  }
  const other = Object.keys(options).find((name) => !resumeFlags.has(name));
  if (other !== undefined || game !== undefined) {
    const what =
      other === undefined ? `the game ${game}` : `--${other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    command.error(`error: a run that is resumed is as it was configured; ${what} cannot be given`);
  }
  const { resumeRun } = await import('../system/resume.js');
  const { epochs, steps, maxSeconds, stopAtReward } = options as Record<string, number | undefined>;
  return resumeRun(resume, { epochs, totalTurns: steps, maxSeconds, stopAtReward, checkpoint });
}

/** Configuration file, then flags, then `--set`, each winning over the one before. */
async function buildConfiguration(
  game: string | undefined,
  options: TrainFlags & Record<string, unknown>,
): Promise<MarlConfiguration> {
  const tree: SettingsTree = options.config === undefined ? {} : await readConfiguration(options.config);
  if (game !== undefined) tree['environment'] = game;
  tree['environment'] ??= 'treasurehunt';
  for (const [path, value] of givenSettings(options)) assignForAll(tree, path, value);
  for (const text of options.set ?? []) assign(tree, ...parseAssignment(text));
  const environment = typeof tree['environment'] === 'string' ? tree['environment'] : 'run';
  const output = (tree['output'] ?? {}) as { readonly directory?: unknown };
  if (output.directory === undefined) assign(tree, 'output.directory', await defaultRunDirectory(environment));
  // Whatever a file or --set made of it is checked by MarlSystem, with an error that names the field.
  return tree as MarlConfiguration;
}

// Loading modules is most of the time to the first turn: what a run may do without, or needs only at its end, is loaded
// where it is used.

async function readConfiguration(file: string): Promise<SettingsTree> {
  const { readConfigFile } = await import('./config-file.js');
  return readConfigFile(file);
}

async function progressOf({ configuration, secondsBefore }: MarlSystem): Promise<RecordSink> {
  const { createProgress } = await import('./progress.js');
  return createProgress(configuration, process.stderr, secondsBefore);
}

/** A flag about agents holds for each of them where the configuration lists them one by one. */
function assignForAll(tree: SettingsTree, path: string, value: unknown): void {
  const { agents } = tree;
  if (Array.isArray(agents) && path.startsWith('agents.algorithm.')) {
    agents.forEach((_, index) => assign(tree, path.replace('agents.', `agents.${index}.`), value));
  } else {
    assign(tree, path, value);
  }
}

async function train(system: MarlSystem, flags: TrainFlags): Promise<number> {
  const toController = flags.metrics === true || process.env['CONTROLLER_METRICS'] === '1';
  if (toController && flags.json !== true) {
    const { MetricLineSink } = await import('../metrics/metric-line-sink.js');
    system.addSink(new MetricLineSink(process.stdout));
  }
  const progress = flags.quiet === true ? undefined : await progressOf(system);
  if (progress !== undefined) system.addSink(progress);
  const ending = watchForEnd((what) => {
    const isAsked = what !== 'EPIPE' && flags.quiet !== true;
    if (isAsked) process.stderr.write('\nEnding the run; once more to quit at once.\n');
    void system.stop();
  });
  const onAsked = (): void => void writeCheckpoint(system, flags.quiet === true);
  process.on('SIGUSR2', onAsked);
  // However the process ends, the terminal gets its cursor back.
  const closeProgress = (): void => void progress?.close();
  process.once('exit', closeProgress);
  try {
    const summary = await system.run();
    const { summaryLine, summaryText } = await import('./summary-text.js');
    if (flags.json === true) {
      process.stdout.write(`${summaryLine(summary)}\n`);
    } else if (flags.quiet !== true) {
      const { randomBaseline } = await import('./random-baseline.js');
      const baseline = ending.exitCode === undefined ? await randomBaseline(system.configuration) : undefined;
      process.stdout.write(summaryText(summary, baseline));
    }
  } finally {
    await progress?.close();
    process.off('exit', closeProgress);
    process.off('SIGUSR2', onAsked);
    ending.dispose();
  }
  return ending.exitCode ?? exitCodes.ok;
}

async function writeCheckpoint(system: MarlSystem, isQuiet: boolean): Promise<void> {
  try {
    const epoch = await system.checkpoint();
    if (!isQuiet) process.stderr.write(`\nCheckpoint of epoch ${epoch} written.\n`);
  } catch (error) {
    process.stderr.write(`\nmarlin: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
