import type { Kernels } from '../kernels/kernels.js';
import { Adam } from '../network/adam.js';
import type { AlgorithmContext } from './algorithm.js';
import type { DqnConfiguration } from './dqn.js';
import type { DqnState } from './dqn-memory.js';
import { learningRateAt } from './learning-rate.js';
import type { TrainingRate } from './training-rate.js';

/**
 * What a training step does once it has its gradients, whatever computed them: Adam, clipped by the global norm, and then
 * the target network. Allocates nothing.
 */
export class DqnUpdate {
  readonly #configuration: DqnConfiguration;
  readonly #rate: TrainingRate;
  readonly #kernels: Kernels;
  readonly #state: DqnState;
  readonly #adam: Adam;
  readonly #trainingSteps: Float64Array;

  constructor(configuration: DqnConfiguration, { rate }: AlgorithmContext, kernels: Kernels, state: DqnState) {
    this.#configuration = configuration;
    this.#rate = rate;
    this.#kernels = kernels;
    this.#state = state;
    this.#adam = new Adam(state.adam, kernels, {
      ...configuration.adam,
      learningRate: learningRateAt(configuration.learningRate, 1, rate),
      maxGradNorm: configuration.maxGradNorm,
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
   * @param figures of the loss, see `dqnLoss`
   * @param metrics takes them and the norm of the gradients
   */
  step(gradients: number, figures: Float64Array, metrics: Float64Array): void {
    this.#adam.measureNorm(gradients);
    metrics.set(figures);
    metrics.set(this.#adam.norm, figures.length);
    // A step with such gradients would leave no finite parameter; the learner reads the metrics and throws.
    if (!(Number.isFinite(metrics[0]) && Number.isFinite(this.#adam.norm[0]))) return;
    const done = this.#trainingSteps[0] + 1;
    this.#adam.learningRate[0] = learningRateAt(this.#configuration.learningRate, done, this.#rate);
    this.#adam.step(this.#state.parameters, gradients);
    this.#trainingSteps[0] = done;
    this.#updateTarget(done);
  }

  #updateTarget(done: number): void {
    const { targetUpdate } = this.#configuration;
    const { parameters, target, adam } = this.#state;
    if (targetUpdate.kind === 'soft') this.#kernels.softUpdate(target, parameters, adam.count, targetUpdate.tau);
    else if (done % targetUpdate.every === 0) this.#copyToTarget();
  }

  #copyToTarget(): void {
    const { parameters, target, adam } = this.#state;
    this.#kernels.copyBytes(target, parameters, adam.count * 4);
  }
}
