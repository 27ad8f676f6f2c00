import type * as v from 'valibot';
import type { PrioritySettings } from '../buffer/priority-plan.js';
import type { RingField } from '../buffer/ring-plan.js';
import type { RolloutBatch } from '../buffer/rollout-batch.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import type { AgentSpec } from '../environment/environment.js';
import type { Kernels } from '../kernels/kernels.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import type { RandomStream } from '../random.js';
import type { TrainingRate } from './training-rate.js';

/** ε falls linearly from `start` to `end` over the first `duration` epochs or turns, then stays. */
export interface LinearEpsilon {
  readonly kind?: 'linear' | undefined;
  readonly start: number;
  readonly end: number;
  readonly duration: number;
  readonly unit: 'epochs' | 'turns';
}

/** ε is `start` · `factor`ᵏ after k epochs or turns, but not below `end`. */
export interface DecayingEpsilon {
  readonly kind: 'decay';
  readonly start: number;
  readonly end: number;
  readonly factor: number;
  readonly unit: 'epochs' | 'turns';
}

export type EpsilonSchedule = LinearEpsilon | DecayingEpsilon;

/** Transitions drawn from the ring, as often as the run's rates say. */
export interface ReplayExperience {
  readonly kind: 'replay';
  /** n of the n-step return. */
  readonly steps: number;
  /** γ, per step. */
  readonly discount: number;
  /** Drawn by priority; undefined: uniformly. */
  readonly priorities?: PrioritySettings | undefined;
  /** Whether the deviation of discounted returns goes to `batch.returnDeviation`. */
  readonly tracksReturns?: boolean;
}

/**
 * On-policy experience: every step once, in order, with the weights that are being trained. After `turns` turns the
 * actor waits until their `trainingSteps` training steps are done and their weights published.
 */
export interface RolloutExperience {
  readonly kind: 'rollout';
  readonly turns: number;
  readonly trainingSteps: number;
  /** γ, per step. */
  readonly discount: number;
  /** As of replay. */
  readonly tracksReturns?: boolean;
}

/** How a policy's learner comes by its batches; `none`: it learns nothing. */
export type Experience = ReplayExperience | RolloutExperience | { readonly kind: 'none' };

/** The sizes and settings of an algorithm that the rest of the system needs to know. Plain data. */
export interface AlgorithmPlan {
  /** Observations stacked to one network input. */
  readonly frames: number;
  readonly experience: Experience;
  /** What the acting policy adds to every row of the ring; see {@link ActingStep.fields}. */
  readonly ringFields: readonly RingField[];
  /** Floats of the flat parameter block that is published to actors. */
  readonly parameterCount: number;
  /** Names, shapes and places of the tensors in that block: what exports and imports of weights go by. */
  readonly parameters: readonly ParameterTensor[];
  /** Bytes of the learner's state; it begins with the parameter block. */
  readonly stateBytes: number;
  /** Bytes of scratch memory that an acting policy needs. */
  readonly policyScratchBytes: number;
  /** Bytes of scratch memory that a trainer needs, its batch included. */
  readonly trainerScratchBytes: number;
  /** How the actor explores; undefined where the policy is itself random. */
  readonly epsilon: EpsilonSchedule | undefined;
  /** Names of the figures of a training step, in the order of {@link Trainer.metrics}. */
  readonly metricNames: readonly string[];
  /** What computes its networks, for records. Default: the kernels. */
  readonly engine?: string;
}

/** What a policy is made for: the agent it plays, the batch size and the rates of its learner. */
export interface AlgorithmContext {
  readonly agent: AgentSpec;
  readonly batchSize: number;
  /** When training steps come due: what schedules in turns go by. */
  readonly rate: TrainingRate;
}

/** One decision of one agent. The object is reused. */
export interface ActingStep {
  /** Byte offset of the parameter block; it does not change during the call. */
  parameters: number;
  /** Published version of those weights. */
  weightsVersion: number;
  /** Byte offset of the network input: f32 [frames × observation size]. */
  observation: number;
  /** Byte offset of a u8 mask of the legal actions, or undefined. */
  readonly legal: number | undefined;
  /** Byte offset at which the action goes: i32 or (box) f32 [action size]. */
  readonly actionOffset: number;
  /** The same place as words and as floats. */
  readonly action: Int32Array;
  readonly actionValues: Float32Array;
  /** One array per ring field that the plan declares, in its order: what the policy notes of this step. */
  readonly fields: readonly (Uint8Array | Int32Array | Float32Array)[];
  /** True where the best action is wanted rather than a random draw: in evaluation. */
  isGreedy: boolean;
  /** The stream of this agent's exploration. */
  random: RandomStream;
}

/** Chooses actions. One instance per actor thread and policy. */
export interface ActingPolicy {
  /** Writes the action and the fields of a step; false where the mask leaves no action. Allocates nothing. */
  act(step: ActingStep): boolean;
}

/** Trains one policy. One instance per learner; all that must survive the thread lies in its state region. */
export interface Trainer {
  /** Where the next batch is put: of transitions for `replay`, of whole rollouts for `rollout`; undefined for `none`. */
  readonly batch: TransitionBatch | RolloutBatch | undefined;
  /** Figures of the last training step, in the order of `AlgorithmPlan.metricNames`. */
  readonly metrics: Float64Array;
  /** Writes the state of an untrained learner. */
  initialize(random: RandomStream): void;
  /** One training step on what `batch` holds. Allocates nothing. */
  step(): void;
}

/** Settings under a name: `preset: 'source'`. What a user sets wins over them. */
export interface Preset {
  /** One sentence for documentation and error messages. */
  readonly summary: string;
  /** Settings of the algorithm. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Rates of the run that belong to it: `parallel.…`. */
  readonly parallel: Readonly<Record<string, unknown>>;
}

/** Networks that are loaded at run time (TensorFlow.js) are planned and built asynchronously. */
export type Awaitable<T> = T | Promise<T>;

/**
 * The plug-in contract: one object per algorithm, in one file, knowing neither threads nor environments.
 * `plan` and the two constructors are given the same configuration and agree on every size.
 */
export interface Algorithm<Configuration = unknown> {
  readonly name: string;
  /**
   * Settings with their defaults, as a schema of [valibot](https://valibot.dev) (version 1). It should refuse unknown
   * keys, as `v.strictObject` does.
   */
  readonly schema: v.GenericSchema<unknown, Configuration>;
  readonly presets?: Readonly<Record<string, Preset>>;
  /** @throws ConfigurationError where the agent cannot be played, for example for its action space */
  plan(configuration: Configuration, context: AlgorithmContext): Awaitable<AlgorithmPlan>;
  /** The acting half, on the region `plan.policyScratchBytes` long that begins at byte `scratch`. */
  createPolicy(
    configuration: Configuration,
    context: AlgorithmContext,
    kernels: Kernels,
    scratch: number,
  ): Awaitable<ActingPolicy>;
  /**
   * The training half, on `plan.stateBytes` of learner state at byte `state` and `plan.trainerScratchBytes` of scratch
   * memory at byte `scratch`.
   */
  createTrainer(
    configuration: Configuration,
    context: AlgorithmContext,
    kernels: Kernels,
    state: number,
    scratch: number,
  ): Awaitable<Trainer>;
}
