import type { RandomStream } from '../random.js';

/** What one observation of an agent looks like: a flat array of `size` values. */
export interface ObservationSpace {
  /** Number of values of one observation. */
  readonly size: number;
  /** How the values are kept in the replay buffer. `u8`: integers 0–255, a quarter of the memory. */
  readonly dtype: 'u8' | 'f32';
  /** Networks see `value × scale`; for example 1/255 for images. Default 1. */
  readonly scale?: number;
  /** Meaning of the axes, slowest first, for example `[6, 5, 5]`; its product is `size`. For people and viewers. */
  readonly shape?: readonly number[];
}

/** `count` actions, numbered from 0. */
export interface DiscreteSpace {
  readonly kind: 'discrete';
  readonly count: number;
  /** Names of the actions, for people. */
  readonly names?: readonly string[];
}

/** Several discrete choices made at once: the i-th has `counts[i]` options, numbered from 0. */
export interface MultiDiscreteSpace {
  readonly kind: 'multi-discrete';
  readonly counts: readonly number[];
  readonly names?: readonly string[];
}

/** `size` real numbers, each between `low` and `high`. */
export interface BoxSpace {
  readonly kind: 'box';
  readonly size: number;
  /** Finite bounds of every number. */
  readonly low: number;
  readonly high: number;
  readonly names?: readonly string[];
}

export type ActionSpace = DiscreteSpace | MultiDiscreteSpace | BoxSpace;

/**
 * What an agent does: a number in a discrete space, an array of the space's length in the others. The array is reused:
 * an environment copies what it keeps.
 */
export type Action = number | Int32Array | Float32Array;

export interface AgentSpec {
  /** Unique within the environment, for example `agent-0`. */
  readonly id: string;
  readonly observation: ObservationSpace;
  readonly action: ActionSpace;
  /** Whether the environment implements `legalActions` for this agent. Default false. */
  readonly hasActionMask?: boolean;
}

/** Where `observe` writes: an array of the space's dtype, of exactly the space's size. */
export type ObservationArray = Uint8Array | Float32Array;

/**
 * An environment whose agents act one after another inside a turn. One epoch is one episode:
 *
 * ```
 * reset(random)
 * repeat:
 *   beginTurn()                          the world moves on (non-agent entities)
 *   for each agent, in order:  observe(agent, out) → [the policy chooses] → act(agent, action)
 *   endTurn()                            rewards, terminated, truncated are final now
 *   until done, or until the run's `maxTurns`
 * ```
 *
 * After the last turn `observe` is called once more per agent for the final observation; so it is after a turn that
 * ended one agent's own episode, whose next one begins with the next `beginTurn`, not before. Nothing here may depend on
 * any randomness but the stream given to `reset`, so that the same seed gives the same epoch.
 */
export interface TurnEnvironment {
  readonly agents: readonly AgentSpec[];

  /** Rewards of the current turn, one per agent; the environment sets them before `endTurn` returns. */
  readonly rewards: Float32Array;
  /** 1 where the agent's episode ended for good this turn (no future value). */
  readonly terminated: Uint8Array;
  /** 1 where the agent's episode was cut short this turn (the future still has value). */
  readonly truncated: Uint8Array;

  /** Starts a new epoch. All randomness until the next `reset` comes from `random`. */
  reset(random: RandomStream): void;
  beginTurn(): void;
  /** Writes the agent's current observation. */
  observe(agent: number, out: ObservationArray): void;
  /**
   * Writes 1 for each legal action and 0 for the others; required where `hasActionMask`. In a multi-discrete space the
   * options of all choices follow each other, `out` being as long as the sum of their counts.
   */
  legalActions?(agent: number, out: Uint8Array): void;
  /** In a discrete space, write `act(agent: number, action: number)`. */
  act(agent: number, action: Action): void;
  endTurn(): void;
  /** True after a turn that ended the epoch for everybody. */
  readonly done: boolean;

  /** Frees what the environment holds outside of memory. */
  dispose?(): void;
}

/** Makes an environment from plain, cloneable options; called in the thread that will step it. */
export type EnvironmentFactory = (
  options: Readonly<Record<string, unknown>>,
) => TurnEnvironment | Promise<TurnEnvironment>;

/**
 * What a module of environments exports as `environment`: a name, the meaning and defaults of its options, and the
 * factory. Built-in games and user modules are the same to the system.
 */
export interface EnvironmentDefinition {
  readonly name: string;
  /** One sentence for `marlin --help`. */
  readonly summary: string;
  /**
   * Checks the options and fills in defaults; throws `ConfigurationError` naming the field. `agentCount` and
   * `maxTurns` are what the run's configuration says; undefined where it leaves them to the environment.
   */
  resolve(options: Readonly<Record<string, unknown>>, request: EnvironmentRequest): ResolvedEnvironment;
  /** Makes one environment from resolved options, in the thread that will step it. */
  create: EnvironmentFactory;
}

export interface EnvironmentRequest {
  readonly agentCount: number | undefined;
  readonly maxTurns: number | undefined;
}

export interface ResolvedEnvironment {
  /** Options with every default filled in; plain data. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Turns of an epoch at the most. */
  readonly maxTurns: number;
}
