import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { algorithmNames } from '../algorithms/algorithms.js';

/**
 * One flag that sets one value of the configuration. Bounds are checked where the configuration is, so that a flag, a
 * file and a script are refused with the same words.
 */
interface Setting {
  readonly flags: string;
  readonly description: string;
  /** Path of the value in the configuration. */
  readonly path: string;
  readonly parse: (text: string) => unknown;
  readonly choices?: readonly string[];
}

const settings: readonly Setting[] = [
  flag('--epochs <n>', 'epochs (episodes of the world); default 300', 'experiment.epochs', number),
  flag('--steps <n>', 'turns of the whole run', 'experiment.totalTurns', number),
  flag('--max-seconds <s>', 'seconds of the whole run', 'experiment.maxSeconds', number),
  flag('--stop-at-reward <r>', 'end once the last 100 epochs have this mean reward', 'experiment.stopAtReward', number),
  flag('--max-turns <n>', "turns of an epoch; default: the game's own", 'experiment.maxTurns', number),
  flag('--log-interval <n>', 'epochs between two iteration records; default 10', 'experiment.logInterval', number),
  flag('--evaluate-every <n>', 'epochs between two evaluations; default none', 'experiment.evaluateEvery', number),
  flag('--evaluate-episodes <n>', 'episodes of each; default 20', 'experiment.evaluateEpisodes', number),
  flag(
    '--checkpoint-every <n>',
    'epochs between two checkpoints; default: one at the end',
    'experiment.checkpointEvery',
    number,
  ),
  flag('--seed <n>', 'names every random stream of the run; default 0', 'experiment.seed', number),
  flag('--agents <n>', "number of agents; default: the game's own", 'agents.count', number),
  choice('--algorithm <name>', 'how the agents learn; default dqn', 'agents.algorithm.name', algorithmNames()),
  flag('--preset <name>', 'settings and rates under a name: source (iqn)', 'agents.algorithm.preset', String),
  flag('--hidden <sizes>', 'widths of the hidden layers; default 64,64', 'agents.algorithm.hiddenSizes', numbers),
  choice('--execution <how>', 'default async', 'parallel.execution', ['sequential', 'lockstep', 'async']),
  choice('--mode <mode>', 'how weights travel; default double-buffer', 'parallel.mode', ['double-buffer', 'snapshot']),
  flag('--learner-workers <n>', 'learner threads, or auto (default)', 'parallel.learnerWorkers', numberOrWord),
  flag('--train-interval <n>', 'turns per training event; default 4', 'parallel.trainInterval', number),
  flag('--gradient-steps <n>', 'training steps per training event; default 1', 'parallel.gradientSteps', number),
  flag('--learning-starts <n>', 'turns before training begins; default 1000', 'parallel.learningStarts', number),
  flag('--publish-interval <n>', 'training steps between publications; default 10', 'parallel.publishInterval', number),
  flag(
    '--max-training-lag <n>',
    'owed training steps before the actor waits, or Infinity; default max(32, 2 × publish interval)',
    'parallel.maxTrainingLag',
    numberOrWord,
  ),
  flag('--buffer-capacity <n>', "rows of each agent's ring; default 10000", 'parallel.bufferCapacity', number),
  flag('--batch-size <n>', 'transitions per training step; default 64', 'parallel.batchSize', number),
  flag(
    '--run-dir <path>',
    'where config.json, metrics.jsonl, schedule, checkpoints and weights go; default runs/<game>-<time>',
    'output.directory',
    String,
  ),
  flag('--trace', 'write trace.json: what each thread did when, for ui.perfetto.dev', 'output.trace', isGiven),
];

/** What commander collects from the flags that are not settings. */
export interface TrainFlags {
  /** Directory of a run to go on with. */
  readonly resume?: string;
  /** Epoch of the checkpoint to go on from. */
  readonly checkpoint?: number;
  readonly config?: string;
  readonly set?: readonly string[];
  readonly metrics?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addTrainOptions(command: Command): Command {
  for (const setting of settings) {
    const option = new Option(setting.flags, setting.description);
    if (setting.choices === undefined) option.argParser(setting.parse);
    else option.choices(setting.choices);
    command.addOption(option);
  }
  return command
    .option('--config <file>', 'a configuration to start from: .json, .js or .ts; flags win over it')
    .option(
      '--set <path=value>',
      'any setting by its path, e.g. agents.algorithm.discount=0.95; wins over all',
      collect,
    )
    .option(
      '--resume <run>',
      'go on with a run, from its newest checkpoint; only the flags that say when it ends may be given',
    )
    .option('--checkpoint <epoch>', 'with --resume: go on from the checkpoint of this epoch', number)
    .option('--metrics', 'print records as @METRIC lines (also with CONTROLLER_METRICS=1)')
    .option('--json', 'print the summary as one line of JSON, and nothing else, on standard output')
    .option('--quiet', 'print nothing but errors (and the summary with --json)');
}

/** Settings given as flags, as pairs of path and value. */
export function givenSettings(options: Readonly<Record<string, unknown>>): (readonly [path: string, value: unknown])[] {
  return settings
    .map((setting) => [setting.path, options[new Option(setting.flags).attributeName()]] as const)
    .filter(([, value]) => value !== undefined);
}

/** Splits `path=value`; the value is JSON where it can be, otherwise text. */
export function parseAssignment(text: string): readonly [path: string, value: unknown] {
  const equals = text.indexOf('=');
  const path = text.slice(0, equals);
  if (equals < 1 || path.split('.').includes('')) {
    throw new InvalidArgumentError(
      `--set takes path=value, for example experiment.seed=3; not ${JSON.stringify(text)}.`,
    );
  }
  const value = text.slice(equals + 1);
  try {
    return [path, JSON.parse(value)];
  } catch {
    return [path, value];
  }
}

function flag(flags: string, description: string, path: string, parse: (text: string) => unknown): Setting {
  return { flags, description, path, parse };
}

function choice(flags: string, description: string, path: string, choices: readonly string[]): Setting {
  return { flags, description, path, parse: String, choices };
}

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** A flag without a value. */
function isGiven(): boolean {
  return true;
}

function numberOrWord(text: string): number | string {
  const value = Number(text);
  return text.trim() === '' || Number.isNaN(value) ? text : value;
}

function numbers(text: string): number[] {
  return text.split(',').map(number);
}

function collect(text: string, earlier: readonly string[] = []): readonly string[] {
  parseAssignment(text);
  return [...earlier, text];
}
