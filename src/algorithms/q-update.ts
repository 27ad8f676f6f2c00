import type { Layout } from '../buffer/layout.js';
import type { Kernels } from '../kernels/kernels.js';
import { Adam, planAdam } from '../network/adam.js';
import type { AdamPlan } from '../network/adam.js';
import { planNoiseGenerator } from '../network/noise-source.js';
import type { AlgorithmContext } from './algorithm.js';
import { learningRateAt } from './learning-rate.js';
import type { UpdateSettings } from './q-settings.js';
import type { TrainingRate } from './training-rate.js';

/** Everything a learner of action values needs to go on: byte offsets into its state. The parameters come first. */
export interface QState {
  readonly parameters: number;
  readonly target: number;
  readonly adam: AdamPlan;
  /** f64 [1]: training steps done. */
  readonly trainingSteps: number;
  /** The generator of noise and of whatever else a training step draws. */
  readonly generator: number;
}

export function planQState(layout: Layout, { parameterCount }: { readonly parameterCount: number }): QState {
  return {
    parameters: layout.reserve(parameterCount * 4),
    target: layout.reserve(parameterCount * 4),
    adam: planAdam(layout, parameterCount),
    trainingSteps: layout.reserve(8),
    generator: planNoiseGenerator(layout),
  };
}

/**
 * What a training step does once it has its gradients, whatever computed them: Adam, clipped by the global norm, and then
 * the target network. Allocates nothing.
 */
export class QUpdate {
  readonly #settings: UpdateSettings;
  readonly #rate: TrainingRate;
  readonly #kernels: Kernels;
  readonly #state: QState;
  readonly #adam: Adam;
  readonly #trainingSteps: Float64Array;

  constructor(settings: UpdateSettings, { rate }: AlgorithmContext, kernels: Kernels, state: QState) {
    this.#settings = settings;
    this.#rate = rate;
    this.#kernels = kernels;
    this.#state = state;
    this.#adam = new Adam(state.adam, kernels, {
      ...settings.adam,
      learningRate: learningRateAt(settings.learningRate, 1, rate),
      maxGradNorm: settings.maxGradNorm,
    });
    this.#trainingSteps = new Float64Array(kernels.memory.buffer, state.trainingSteps, 1);
  }

  /** Begins anew from the parameters as they are. */
  initialize(): void {
    this.#copyToTarget();
    this.#adam.initialize();
    this.#trainingSteps[0] = 0;
  }

  /**
   * @param gradients byte offset of a block of gradients
   * @param figures of the loss
   * @param metrics takes them and the norm of the gradients
   */
  step(gradients: number, figures: Float64Array, metrics: Float64Array): void {
    this.#adam.measureNorm(gradients);
    metrics.set(figures);
    metrics.set(this.#adam.norm, figures.length);
    // A step with such gradients would leave no finite parameter; the learner reads the metrics and throws.
    if (!(Number.isFinite(metrics[0]) && Number.isFinite(this.#adam.norm[0]))) return;
    const done = this.#trainingSteps[0] + 1;
    this.#adam.learningRate[0] = learningRateAt(this.#settings.learningRate, done, this.#rate);
    this.#adam.step(this.#state.parameters, gradients);
    this.#trainingSteps[0] = done;
    this.#updateTarget(done);
  }

  #updateTarget(done: number): void {
    const { targetUpdate } = this.#settings;
    const { parameters, target, adam } = this.#state;
    const copyEvery = targetUpdate.kind === 'hard' ? targetUpdate.every : targetUpdate.copyEvery;
    if (copyEvery !== undefined && done % copyEvery === 0) this.#copyToTarget();
    else if (targetUpdate.kind === 'soft') this.#kernels.softUpdate(target, parameters, adam.count, targetUpdate.tau);
  }

  #copyToTarget(): void {
    const { parameters, target, adam } = this.#state;
    this.#kernels.copyBytes(target, parameters, adam.count * 4);
  }
}
