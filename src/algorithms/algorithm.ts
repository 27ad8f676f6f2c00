import type { z } from 'zod';
import type { RingField } from '../buffer/ring-plan.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import type { AgentSpec } from '../environment/environment.js';
import type { Kernels } from '../kernels/kernels.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import type { RandomStream } from '../random.js';

/** ε falls linearly from `start` to `end` over the first `duration` epochs or turns, then stays. */
export interface EpsilonSchedule {
  readonly start: number;
  readonly end: number;
  readonly duration: number;
  readonly unit: 'epochs' | 'turns';
}

/** The sizes and settings of an algorithm that the rest of the system needs to know. Plain data. */
export interface AlgorithmPlan {
  /** Observations stacked to one network input. */
  readonly frames: number;
  /** n of the n-step return. */
  readonly steps: number;
  /** γ, per step. */
  readonly discount: number;
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
}

/** What a policy is made for: the agent it plays, and the batch size of its learner. */
export interface AlgorithmContext {
  readonly agent: AgentSpec;
  readonly batchSize: number;
}

/** Chooses actions. One instance per actor thread and policy. */
export interface ActingPolicy {
  /**
   * The action for one observation, or −1 if the mask leaves none. Allocates nothing.
   * @param parameters byte offset of the parameter block; it does not change during the call
   * @param observation byte offset of the network input: f32 [frames × observation size]
   * @param legal byte offset of a u8 mask of the legal actions, or undefined
   * @param random the stream of this agent's exploration
   */
  act(parameters: number, observation: number, legal: number | undefined, random: RandomStream): number;
}

/** Trains one policy. One instance per learner; all that must survive the thread lies in its state region. */
export interface Trainer {
  /** Where the sampler puts the next batch. */
  readonly batch: TransitionBatch;
  /** Figures of the last training step, in the order of `AlgorithmPlan.metricNames`. */
  readonly metrics: Float64Array;
  /** Writes the state of an untrained learner. */
  initialize(random: RandomStream): void;
  /** One training step on what `batch` holds. Allocates nothing. */
  step(): void;
}

/**
 * The plug-in contract: one object per algorithm, in one file, knowing neither threads nor environments.
 * `plan` and the two constructors are given the same configuration and agree on every size.
 */
export interface Algorithm<Configuration = unknown> {
  readonly name: string;
  /** Settings with their defaults; unknown keys are refused. */
  readonly schema: z.ZodType<Configuration>;
  plan(configuration: Configuration, context: AlgorithmContext): AlgorithmPlan;
  /** The acting half, on the region `plan.policyScratchBytes` long that begins at byte `scratch`. */
  createPolicy(
    configuration: Configuration,
    context: AlgorithmContext,
    kernels: Kernels,
    scratch: number,
  ): ActingPolicy;
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
  ): Trainer;
}
