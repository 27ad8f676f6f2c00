import type { Kernels } from '../kernels/kernels.js';
import { Adam } from '../network/adam.js';
import { createDistribution } from './action-distribution.js';
import type { ActionDistribution } from './action-distribution.js';
import { learningRateAt } from './learning-rate.js';
import type { PpoConfiguration } from './ppo.js';
import { rolloutRate } from './ppo-memory.js';
import type { PpoMinibatch, PpoSizes, PpoState, PpoWorkspace } from './ppo-memory.js';
import type { PpoPasses } from './ppo-passes.js';
import type { TrainingRate } from './training-rate.js';

/** Order of the figures of a training step; `explained_variance` is that of the whole rollout, before its first step. */
export const ppoMetricNames = [
  'loss',
  'policy_loss',
  'value_loss',
  'entropy',
  'approximate_kl',
  'clip_fraction',
  'explained_variance',
  'gradient_norm',
] as const;

/** Keeps the division finite where all advantages of a minibatch are the same. */
const standardDeviationFloor = 1e-8;

/**
 * One training step on a minibatch: loss = clipped surrogate + c_v · ½ mean (V − return)² − c_e · mean entropy, with
 * advantages standardized over the minibatch (Schulman et al. 2017, arXiv 1707.06347, equation 9).
 */
export class PpoUpdate {
  readonly minibatch: PpoMinibatch;
  readonly passes: PpoPasses;
  readonly metrics = new Float64Array(ppoMetricNames.length);
  readonly #configuration: PpoConfiguration;
  readonly #rate: TrainingRate;
  readonly #kernels: Kernels;
  readonly #state: PpoState;
  readonly #workspace: PpoWorkspace;
  readonly #distribution: ActionDistribution;
  readonly #adam: Adam;
  readonly #trainingSteps: Float64Array;
  readonly #policyFigures: Float64Array;
  readonly #valueFigure: Float64Array;
  readonly #explainedVariance: Float64Array;
  /** Of the training step under way. */
  #rows = 0;

  constructor(
    configuration: PpoConfiguration,
    sizes: PpoSizes,
    kernels: Kernels,
    state: PpoState,
    workspace: PpoWorkspace,
    passes: PpoPasses,
  ) {
    const { buffer } = kernels.memory;
    this.minibatch = workspace.minibatch;
    this.passes = passes;
    this.#configuration = configuration;
    this.#rate = rolloutRate(configuration);
    this.#kernels = kernels;
    this.#state = state;
    this.#workspace = workspace;
    this.#distribution = createDistribution(sizes.distribution, workspace.distribution, kernels);
    this.#adam = new Adam(state.adam, kernels, {
      ...configuration.adam,
      learningRate: learningRateAt(configuration.learningRate, 1, this.#rate),
      maxGradNorm: configuration.maxGradNorm,
    });
    this.#trainingSteps = new Float64Array(buffer, state.trainingSteps, 1);
    this.#policyFigures = new Float64Array(buffer, workspace.policyFigures, 4);
    this.#valueFigure = new Float64Array(buffer, workspace.valueFigure, 1);
    this.#explainedVariance = new Float64Array(buffer, workspace.rollout.explainedVariance, 1);
  }

  /** Forgets all steps. */
  initialize(): void {
    this.#adam.initialize();
    this.#trainingSteps[0] = 0;
  }

  /** Trains on the first `rows` rows of the minibatch. Where a figure is not finite, no parameter changes. */
  step(rows: number): void {
    const { gradients } = this.#workspace;
    this.#rows = rows;
    this.passes.differentiate(rows, this.#computeLosses);
    this.#adam.measureNorm(gradients);
    this.#recordMetrics();
    if (!this.#isFinite()) return;
    const { learningRate } = this.#configuration;
    this.#adam.learningRate[0] = learningRateAt(learningRate, this.#trainingSteps[0] + 1, this.#rate);
    this.#adam.step(this.#state.parameters, gradients);
    this.#trainingSteps[0]++;
  }

  /** The losses, and their gradients by the outputs of the policy and by the values. */
  readonly #computeLosses = (): void => {
    const { minibatch } = this;
    const { parameters } = this.#state;
    const { slope, policyFigures, valueFigure, gradients, networkValues } = this.#workspace;
    const { values, outputGradient, valueGradient } = networkValues;
    const { clipRange, valueCoefficient, entropyCoefficient } = this.#configuration;
    const kernels = this.#kernels;
    const rows = this.#rows;
    this.#distribution.evaluate(parameters, minibatch.actions, rows);
    kernels.standardize(minibatch.advantage, rows, standardDeviationFloor);
    kernels.clippedSurrogate(
      slope,
      policyFigures,
      minibatch.actions.logProbability,
      minibatch.oldLogProbability,
      minibatch.advantage,
      minibatch.actions.entropy,
      rows,
      clipRange,
    );
    kernels.valueLoss(valueGradient, valueFigure, values, minibatch.returns, rows, valueCoefficient);
    const entropySlope = -entropyCoefficient / rows;
    this.#distribution.backward(parameters, gradients, minibatch.actions, slope, entropySlope, outputGradient, rows);
  };

  #recordMetrics(): void {
    const { metrics } = this;
    const { valueCoefficient, entropyCoefficient } = this.#configuration;
    const policy = this.#policyFigures;
    const value = this.#valueFigure;
    metrics[0] = policy[0] + valueCoefficient * value[0] - entropyCoefficient * policy[1];
    metrics[1] = policy[0];
    metrics[2] = value[0];
    metrics[3] = policy[1];
    metrics[4] = policy[2];
    metrics[5] = policy[3];
    metrics[6] = this.#explainedVariance[0];
    metrics[7] = this.#adam.norm[0];
  }

  #isFinite(): boolean {
    return Number.isFinite(this.metrics[0]) && Number.isFinite(this.metrics[7]);
  }
}
