import * as v from 'valibot';
import { Layout, alignUp } from '../buffer/layout.js';
import type { RolloutBatch } from '../buffer/rollout-batch.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import { ConfigurationError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { ObservationNormalizer, planMoments, planNormalizer } from '../network/observation-normalizer.js';
import type { NormalizerPlan } from '../network/observation-normalizer.js';
import { ParameterLayout } from '../network/parameter-layout.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import type { RandomStream } from '../random.js';
import { strictSettings } from '../schemas.js';
import type {
  ActingPolicy,
  ActingStep,
  Algorithm,
  AlgorithmContext,
  AlgorithmPlan,
  Experience,
  Trainer,
} from './algorithm.js';

/** What is normalised before an algorithm sees it. */
export const normalizationSchema = strictSettings({
  /** Observations: to mean 0 and deviation 1 each, within ±10, by what the learner has seen so far. */
  observations: v.optional(v.boolean(), false),
  /** Rewards: divided by the deviation of the discounted return. */
  rewards: v.optional(v.boolean(), false),
});

export type Normalization = v.InferOutput<typeof normalizationSchema>;

/**
 * Where the statistics lie. They come before what the algorithm itself has, so that one block is published.
 *
 * ```
 * parameter block   │ mean │ 1/deviation │ (room to the next line) │ parameters of the algorithm │
 * learner state     │ parameter block … rest of the algorithm's state │ moments │
 * policy scratch    │ normalised observation │ scratch of the algorithm │
 * ```
 */
interface NormalizedPlan {
  /** Undefined where observations stay as they are. */
  readonly observations: NormalizerPlan | undefined;
  readonly tensors: readonly ParameterTensor[];
  /** Where the algorithm's own parameters and state begin, in floats. */
  readonly ownParameters: number;
  /** Bytes of the whole state; the moments lie at byte `moments`. */
  readonly stateBytes: number;
  readonly moments: number;
  /** Bytes of the normalised observation of an acting policy. */
  readonly observationBytes: number;
}

function planNormalized(plan: AlgorithmPlan, by: Normalization, { agent }: AlgorithmContext): NormalizedPlan {
  const block = new ParameterLayout();
  const { size } = agent.observation;
  const observations = by.observations ? planNormalizer(block, size, plan.frames) : undefined;
  const state = new Layout();
  state.reserve(alignUp(block.count * 4));
  const own = state.reserve(plan.stateBytes);
  const moments = observations === undefined ? state.end : planMoments(state, observations);
  return {
    observations,
    tensors: block.tensors,
    ownParameters: own / 4,
    stateBytes: alignUp(state.end),
    moments,
    observationBytes: observations === undefined ? 0 : alignUp(plan.frames * size * 4),
  };
}

/** Name of the figure that a training step has besides the algorithm's own. */
const deviationMetric = 'return_deviation';

/**
 * An algorithm that sees its observations and rewards normalised, whatever it does with them. The statistics are
 * gathered by its learner and published with its weights, so that every actor, evaluation and file of weights has
 * those that the weights were trained with. They take effect with the next weights, never within a training step or a
 * rollout: what a step computes is what its actor has computed. (VecNormalize of Stable-Baselines3 does the same on the
 * side of the environment.)
 */
export function normalized<Configuration>(
  algorithm: Algorithm<Configuration>,
  by: Normalization,
): Algorithm<Configuration> {
  return {
    name: algorithm.name,
    schema: algorithm.schema,
    async plan(configuration, context) {
      const plan = await algorithm.plan(configuration, context);
      const { tensors, ownParameters, stateBytes, observationBytes } = planNormalized(plan, by, context);
      return {
        ...plan,
        experience: experienceOf(plan.experience, by, algorithm.name),
        parameterCount: ownParameters + plan.parameterCount,
        parameters: [
          ...tensors,
          ...plan.parameters.map((tensor) => ({ ...tensor, offset: ownParameters + tensor.offset })),
        ],
        stateBytes,
        policyScratchBytes: observationBytes + plan.policyScratchBytes,
        metricNames: by.rewards ? [...plan.metricNames, deviationMetric] : plan.metricNames,
      };
    },
    async createPolicy(configuration, context, kernels, scratch) {
      const plan = planNormalized(await algorithm.plan(configuration, context), by, context);
      const own = scratch + plan.observationBytes;
      const policy = await algorithm.createPolicy(configuration, context, kernels, own);
      return plan.observations === undefined ? policy : new NormalizedPolicy(policy, plan, kernels, scratch);
    },
    async createTrainer(configuration, context, kernels, state, scratch) {
      const algorithmPlan = await algorithm.plan(configuration, context);
      const plan = planNormalized(algorithmPlan, by, context);
      const own = state + plan.ownParameters * 4;
      const trainer = await algorithm.createTrainer(configuration, context, kernels, own, scratch);
      return new NormalizedTrainer(trainer, algorithmPlan.experience, plan, by, kernels, state);
    },
  };
}

/** @throws ConfigurationError where nothing is learnt */
function experienceOf(experience: Experience, by: Normalization, name: string): Experience {
  if (experience.kind === 'none') {
    throw new ConfigurationError('agents.algorithm.normalize', by, 'left out', `${name} learns nothing`);
  }
  return by.rewards ? { ...experience, tracksReturns: true } : experience;
}

class NormalizedPolicy implements ActingPolicy {
  readonly #policy: ActingPolicy;
  readonly #normalizer: ObservationNormalizer;
  readonly #ownParameters: number;
  readonly #observation: number;

  constructor(policy: ActingPolicy, plan: NormalizedPlan, kernels: Kernels, scratch: number) {
    this.#policy = policy;
    this.#normalizer = new ObservationNormalizer(plan.observations as NormalizerPlan, kernels);
    this.#ownParameters = plan.ownParameters * 4;
    this.#observation = scratch;
  }

  act(step: ActingStep): boolean {
    const { parameters, observation } = step;
    this.#normalizer.normalize(parameters, this.#observation, observation, 1);
    step.parameters = parameters + this.#ownParameters;
    step.observation = this.#observation;
    const hasActed = this.#policy.act(step);
    step.parameters = parameters;
    step.observation = observation;
    return hasActed;
  }
}

class NormalizedTrainer implements Trainer {
  readonly metrics: Float64Array;
  readonly #trainer: Trainer;
  readonly #by: Normalization;
  readonly #kernels: Kernels;
  readonly #normalizer: ObservationNormalizer | undefined;
  readonly #parameters: number;
  readonly #moments: number;
  /** Training steps on what the batch holds, and how many of them are done. */
  readonly #stepsPerBatch: number;
  #stepsDone = 0;
  readonly #returnDeviation: Float64Array;
  readonly #cutCount: Int32Array;

  constructor(
    trainer: Trainer,
    experience: Experience,
    { observations, moments }: NormalizedPlan,
    by: Normalization,
    kernels: Kernels,
    state: number,
  ) {
    const { buffer } = kernels.memory;
    const { batch } = trainer;
    this.#trainer = trainer;
    this.#by = by;
    this.#kernels = kernels;
    this.#normalizer = observations === undefined ? undefined : new ObservationNormalizer(observations, kernels);
    this.#parameters = state;
    this.#moments = state + moments;
    this.#stepsPerBatch = experience.kind === 'rollout' ? experience.trainingSteps : 1;
    this.#returnDeviation = new Float64Array(buffer, batch?.returnDeviation ?? 0, 1);
    this.#cutCount = new Int32Array(buffer, batch?.kind === 'rollout' ? batch.cutCount : 0, 1);
    this.metrics = by.rewards ? new Float64Array(trainer.metrics.length + 1) : trainer.metrics;
  }

  get batch(): Trainer['batch'] {
    return this.#trainer.batch;
  }

  initialize(random: RandomStream): void {
    this.#trainer.initialize(random);
    this.#normalizer?.initialize(this.#parameters, this.#moments);
    this.#stepsDone = 0;
  }

  step(): void {
    // A batch that several steps are done on stays as the first of them has left it.
    if (this.#stepsDone === 0) this.#normalize();
    this.#trainer.step();
    this.#stepsDone = (this.#stepsDone + 1) % this.#stepsPerBatch;
    if (this.#stepsDone === 0) this.#normalizer?.settle(this.#parameters, this.#moments);
    if (this.#by.rewards) this.#noteDeviation();
  }

  #normalize(): void {
    const { batch } = this.#trainer;
    if (batch?.kind === 'replay') this.#normalizeTransitions(batch);
    else if (batch?.kind === 'rollout') this.#normalizeRollout(batch);
  }

  #normalizeTransitions({ size, observation, nextObservation, nStepReturn }: TransitionBatch): void {
    this.#absorb(observation, size);
    this.#normalizeRows(observation, size);
    this.#normalizeRows(nextObservation, size);
    this.#scaleRewards(nStepReturn, size);
  }

  #normalizeRollout({ size, observation, cutObservation, reward }: RolloutBatch): void {
    this.#absorb(observation, size);
    this.#normalizeRows(observation, size);
    this.#normalizeRows(cutObservation, this.#cutCount[0]);
    this.#scaleRewards(reward, size);
  }

  #absorb(observations: number, rows: number): void {
    this.#normalizer?.absorb(this.#moments, observations, rows);
  }

  #normalizeRows(observations: number, rows: number): void {
    this.#normalizer?.normalize(this.#parameters, observations, observations, rows);
  }

  #scaleRewards(rewards: number, count: number): void {
    if (this.#by.rewards) this.#kernels.scaleValues(rewards, count, 1 / this.#returnDeviation[0]);
  }

  #noteDeviation(): void {
    const { metrics } = this.#trainer;
    this.metrics.set(metrics);
    this.metrics[metrics.length] = this.#returnDeviation[0];
  }
}
