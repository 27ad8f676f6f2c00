import * as v from 'valibot';
import type { Preset } from '../algorithms/algorithm.js';
import { algorithmNamed } from '../algorithms/algorithms.js';
import { fixed } from '../algorithms/fixed.js';
import { normalizationSchema } from '../algorithms/normalized.js';
import { ConfigurationError } from '../errors.js';
import {
  anySettings,
  count,
  countOrZero,
  finiteNumber,
  looseSettings,
  moduleAddress,
  orInfinity,
  positive,
  strictSettings,
  text,
} from '../schemas.js';
import { checkPlainData, parseSetting } from '../validation.js';
import type { AlgorithmReference } from './algorithm-modules.js';
import { normalizedReference } from './algorithm-modules.js';

/** Training environments: a built-in game by name, or a module of the user's that exports `environment`. */
export type EnvironmentReference =
  | string
  | { readonly module: URL | string; readonly options?: Readonly<Record<string, unknown>> };

/** Where the work happens; see docs/architecture.md. */
export type Execution = 'sequential' | 'lockstep' | 'async';

/** The algorithm's own settings are checked by its own schema. */
const algorithmSettings = v.optional(
  looseSettings({
    /** A built-in algorithm. Default `dqn`. */
    name: v.optional(v.string()),
    /** Or a module of the user's that exports `algorithm`. */
    module: v.optional(moduleAddress),
    /** Settings and rates under a name; what is set besides wins over them. */
    preset: v.optional(v.string()),
    /** What is normalised before the algorithm sees it. Default: nothing. */
    normalize: v.optional(normalizationSchema),
  }),
  {},
);

const agentEntry = strictSettings({
  /** Must be the environment's name for this agent; left out, agents are taken in its order. */
  id: v.optional(text),
  /** Algorithm and its settings. Default: DQN with the defaults for gridworlds. */
  algorithm: algorithmSettings,
  /** How urgent its training is against that of other agents of the same worker. Default 1. */
  priority: v.optional(positive, 1),
});

const agentsSchema = v.union([
  v.pipe(v.array(agentEntry), v.minLength(1)),
  strictSettings({
    /** Agents in the environment. Default: the environment's own. */
    count: v.optional(count),
    algorithm: algorithmSettings,
    priority: v.optional(positive, 1),
  }),
]);

const experimentSchema = strictSettings({
  /** Epochs (episodes of the world). Default 300, or no limit where another stop condition is given. */
  epochs: v.optional(orInfinity(count)),
  /** Turns of an epoch at the most. Default: the environment's own. */
  maxTurns: v.optional(count),
  /** Names every random stream of the run. Default 0. */
  seed: v.optional(countOrZero, 0),
  /** Turns of the whole run. Default: no limit. */
  totalTurns: v.optional(orInfinity(count), Infinity),
  /** Seconds of the whole run. Default: no limit. */
  maxSeconds: v.optional(orInfinity(positive), Infinity),
  /** End once the mean summed reward of the last 100 epochs reaches this. Default: never. */
  stopAtReward: v.optional(finiteNumber),
  /** Epochs between two `iteration` records. Default 10. */
  logInterval: v.optional(count, 10),
  /** Epochs between two evaluations, each an `evaluation` record. Default: none. */
  evaluateEvery: v.optional(orInfinity(count), Infinity),
  /** Episodes of each of them. Default 20. */
  evaluateEpisodes: v.optional(count, 20),
  /** Epochs between two checkpoints, from which a run can be resumed. Default: none. */
  checkpointEvery: v.optional(orInfinity(count), Infinity),
});

const parallelSchema = strictSettings({
  /**
   * `sequential`: everything on the calling thread; `async`: actor and learners on their own; `lockstep`: the same, but
   * they meet whenever training is owed, so that the bits are those of `sequential`. Default `async`.
   */
  execution: v.optional(v.picklist(['sequential', 'lockstep', 'async']), 'async'),
  /** How weights travel; see `WeightMode`. Default `double-buffer`. */
  mode: v.optional(v.picklist(['double-buffer', 'snapshot']), 'double-buffer'),
  /** Learner threads; `auto` = min(policies, cores). Default `auto`. */
  learnerWorkers: v.optional(v.union([v.literal('auto'), v.pipe(count, v.maxValue(1024))]), 'auto'),
  /** Turns per training event. Default 4. */
  trainInterval: v.optional(count, 4),
  /** Training steps per training event and policy; 0: never train. Default 1. */
  gradientSteps: v.optional(countOrZero, 1),
  /** Turns before training begins. Default 1000. */
  learningStarts: v.optional(countOrZero, 1_000),
  /** Training steps between publications of weights. Default 10. */
  publishInterval: v.optional(count, 10),
  /** Owed training steps that a learner may be behind before the actor waits. Default max(32, 2 × publishInterval). */
  maxTrainingLag: v.optional(orInfinity(countOrZero)),
  /** Rows of each agent's ring; every step takes one, every end of an episode one more. Default 10 000. */
  bufferCapacity: v.optional(v.pipe(count, v.maxValue(2 ** 29)), 10_000),
  /** Transitions per training step. Default 64. */
  batchSize: v.optional(v.pipe(count, v.maxValue(2 ** 20)), 64),
  /**
   * A thread that neither sleeps nor ends a turn or a training step for so many milliseconds hangs, and is replaced. One
   * that is starting gets half a minute at the least. Default 30 000.
   */
  heartbeatTimeoutMs: v.optional(orInfinity(v.pipe(finiteNumber, v.minValue(50))), 30_000),
  /** How often a thread that fails is replaced; once more within `withinMs` milliseconds, and the run fails. */
  restart: v.optional(
    strictSettings({
      /** 0: a failure of any thread ends the run. Default 5. */
      maxRestarts: v.optional(orInfinity(countOrZero), 5),
      /** Default 60 000. */
      withinMs: v.optional(orInfinity(positive), 60_000),
    }),
    {},
  ),
  /** Mebibytes of JavaScript heap that a thread may use. Default: what Node allows. */
  heapLimitMb: v.optional(v.pipe(count, v.minValue(16))),
});

const outputSchema = strictSettings({
  /** Run directory: config.json and metrics.jsonl are written there. Default: no files. */
  directory: v.optional(text),
  /** Async: schedule/ in the run directory, from which the run can be reproduced. Default true. */
  schedule: v.optional(v.boolean(), true),
  /** trace.json in the run directory: what each thread did when, to be looked at. Default false. */
  trace: v.optional(v.boolean(), false),
  /** Newest checkpoints that are kept. Default 2. */
  keepCheckpoints: v.optional(count, 2),
  /** Whether they hold what is in the rings; without, a resumed run collects anew. Rollouts always are. Default true. */
  checkpointRings: v.optional(v.boolean(), true),
});

const configurationSchema = strictSettings({
  environment: v.union([text, strictSettings({ module: moduleAddress, options: v.optional(anySettings) })]),
  /** Options of the environment; see its README. */
  environmentOptions: v.optional(anySettings, {}),
  agents: v.optional(agentsSchema, {}),
  experiment: v.optional(experimentSchema, {}),
  parallel: v.optional(parallelSchema, {}),
  output: v.optional(outputSchema, {}),
});

/** What a user writes: everything but `environment` has a default. */
export type MarlConfiguration = v.InferInput<typeof configurationSchema>;

/** Settings of one agent, defaults filled in. */
export interface AgentSettings {
  readonly id: string | undefined;
  readonly algorithmReference: AlgorithmReference;
  /** The algorithm's own configuration: defaults filled in, or for a user's module as it was given. Plain data. */
  readonly algorithm: unknown;
  readonly priority: number;
}

/** What the system runs on: checked, every default filled in, plain data but for the environment's URL as text. */
export interface ResolvedConfiguration {
  readonly environment: string | { readonly module: string };
  readonly environmentOptions: Readonly<Record<string, unknown>>;
  /** One entry for each agent, or one for all. */
  readonly agents: readonly AgentSettings[];
  /** Agents asked for; undefined leaves it to the environment. */
  readonly agentCount: number | undefined;
  readonly experiment: Omit<v.InferOutput<typeof experimentSchema>, 'epochs'> & { readonly epochs: number };
  readonly parallel: Omit<v.InferOutput<typeof parallelSchema>, 'maxTrainingLag'> & { readonly maxTrainingLag: number };
  readonly output: v.InferOutput<typeof outputSchema>;
}

/**
 * Checks a configuration and fills in its defaults. Starts nothing and touches no file.
 * @throws ConfigurationError naming the field, its value and the bound
 */
export function resolveConfiguration(input: MarlConfiguration): ResolvedConfiguration {
  const settings = parseSetting(configurationSchema, withPresetRates(input), '');
  const { experiment, parallel, environment } = settings;
  if (settings.output.trace && settings.output.directory === undefined) {
    throw new ConfigurationError('output.trace', true, 'false where there is no output.directory to write it to');
  }
  const agents = resolveAgents(settings.agents);
  const hasOtherStop =
    experiment.totalTurns !== Infinity || experiment.maxSeconds !== Infinity || experiment.stopAtReward !== undefined;
  const moduleOptions = typeof environment === 'string' ? undefined : environment.options;
  return {
    environment: typeof environment === 'string' ? environment : { module: String(environment.module) },
    environmentOptions: checkPlainData(
      { ...moduleOptions, ...settings.environmentOptions },
      'environmentOptions',
      'an environment',
    ),
    agents,
    agentCount: Array.isArray(settings.agents) ? settings.agents.length : settings.agents.count,
    experiment: { ...experiment, epochs: experiment.epochs ?? (hasOtherStop ? Infinity : 300) },
    parallel: {
      ...parallel,
      maxTrainingLag: parallel.maxTrainingLag ?? Math.max(32, 2 * parallel.publishInterval),
    },
    output: settings.output,
  };
}

function resolveAgents(agents: v.InferOutput<typeof agentsSchema>): AgentSettings[] {
  const entries = Array.isArray(agents) ? agents : [agents];
  const resolved = entries.map((entry, index) => {
    const field = Array.isArray(agents) ? `agents.${index}.algorithm` : 'agents.algorithm';
    const { algorithmReference, algorithm } = resolveAlgorithm(entry.algorithm, field);
    return { id: 'id' in entry ? entry.id : undefined, algorithmReference, algorithm, priority: entry.priority };
  });
  resolved.forEach(({ id }, index) => {
    const first = resolved.findIndex((agent) => agent.id === id);
    if (id !== undefined && first < index) {
      throw new ConfigurationError(`agents.${index}.id`, id, `another than that of agents.${first}`);
    }
  });
  return resolved;
}

function resolveAlgorithm(
  { name, module, preset, normalize, ...given }: v.InferOutput<typeof algorithmSettings>,
  field: string,
): Pick<AgentSettings, 'algorithmReference' | 'algorithm'> {
  if (module !== undefined) {
    // Its name, presets and schema are known once it is loaded, in planRun.
    const refused = name === undefined ? (preset === undefined ? undefined : 'preset') : 'name';
    if (refused !== undefined) {
      throw new ConfigurationError(`${field}.${refused}`, name ?? preset, 'absent where there is a module');
    }
    return { algorithmReference: normalizedReference({ module: String(module) }, normalize), algorithm: given };
  }
  const algorithmName = name ?? 'dqn';
  if (algorithmName === fixed.name && normalize !== undefined) {
    const bound = 'left out: frozen weights see what they were trained to see';
    throw new ConfigurationError(`${field}.normalize`, normalize, bound);
  }
  const { schema } = algorithmNamed(algorithmName, `${field}.name`);
  const settings = overlaid(presetNamed(algorithmName, preset, field)?.settings ?? {}, given);
  const algorithmReference = normalizedReference(algorithmName, normalize);
  return { algorithmReference, algorithm: parseSetting(schema, settings, field) };
}

type Settings = Readonly<Record<string, unknown>>;

/** A preset's settings with the user's over them, field by field; where `kind` differs, an object is all the user's. */
function overlaid(preset: Settings, given: Settings): Settings {
  const result: Record<string, unknown> = { ...preset, ...given };
  for (const [name, value] of Object.entries(given)) {
    const under = preset[name];
    if (!isSettings(under) || !isSettings(value)) continue;
    if (value['kind'] === undefined || value['kind'] === under['kind']) result[name] = overlaid(under, value);
  }
  return result;
}

function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws ConfigurationError naming the presets that there are */
function presetNamed(algorithmName: string, preset: string | undefined, field: string): Preset | undefined {
  if (preset === undefined) return undefined;
  const { presets = {} } = algorithmNamed(algorithmName, `${field}.name`);
  if (Object.hasOwn(presets, preset)) return presets[preset];
  const names = Object.keys(presets).map((known) => JSON.stringify(known));
  const bound = names.length === 0 ? `absent: ${algorithmName} has no presets` : `one of ${names.join(', ')}`;
  throw new ConfigurationError(`${field}.preset`, preset, bound);
}

/**
 * A preset brings rates of the run besides its algorithm's settings. They come before everything is checked, so that
 * what the user wrote wins over them and defaults do not.
 */
function withPresetRates(input: MarlConfiguration): MarlConfiguration {
  const { agents, parallel } = (input ?? {}) as { readonly agents?: unknown; readonly parallel?: unknown };
  const entries: unknown[] = Array.isArray(agents) ? agents : [agents];
  const rates = entries.map((entry, index) => {
    const { algorithm } = (entry ?? {}) as { readonly algorithm?: unknown };
    const { name = 'dqn', preset } = (algorithm ?? {}) as { readonly name?: unknown; readonly preset?: unknown };
    if (typeof name !== 'string' || typeof preset !== 'string') return undefined;
    const field = Array.isArray(agents) ? `agents.${index}.algorithm` : 'agents.algorithm';
    return presetNamed(name, preset, field)?.parallel;
  });
  const [first] = rates;
  const other = rates.findIndex((own) => JSON.stringify(own) !== JSON.stringify(first));
  if (other >= 0) {
    const bound = 'the same for every agent: a preset sets the rates of the run as well';
    throw new ConfigurationError(
      `agents.${other}.algorithm.preset`,
      (entries[other] as AgentEntry).algorithm?.preset,
      bound,
    );
  }
  if (first === undefined || (parallel !== undefined && (typeof parallel !== 'object' || parallel === null)))
    return input;
  return { ...input, parallel: { ...first, ...parallel } };
}

/** As a user writes it, before anything is checked. */
interface AgentEntry {
  readonly algorithm?: { readonly preset?: unknown };
}
