import { activationNumbers } from '../kernels/kernels.js';
import type { Activation, Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';
import { initializeLinear, initializeOrthogonal } from './initialization.js';
import type { LayerInput } from './input-rows.js';
import type { LinearPlan } from './linear.js';
import type { ParameterLayout } from './parameter-layout.js';

/** Reserves weights and biases as `planLinear` does, but with the weights of one input side by side (column-major). */
export function planInputLinear(
  layout: ParameterLayout,
  weightName: string,
  biasName: string,
  inputs: number,
  outputs: number,
  activation: Activation,
): LinearPlan {
  const weight = layout.reserve(weightName, [outputs, inputs], 'column-major');
  const bias = layout.reserve(biasName, [outputs]);
  return { inputs, outputs, weight, bias, activation };
}

/**
 * A linear layer that skips zeros of its input, as the first of a network: one-hot observations of gridworlds are 95 %
 * zeros, and the first layer is most of such a network. Dense inputs take the same path as in `Linear`; they are given
 * no gradient.
 */
export class InputLinear {
  readonly plan: LinearPlan;
  readonly #kernels: Kernels;
  readonly #scratch: number;
  readonly #activation: number;

  /** @param scratch byte offset of `linearScratchBytes`; layers of one thread may share it */
  constructor(plan: LinearPlan, kernels: Kernels, scratch: number) {
    this.plan = plan;
    this.#kernels = kernels;
    this.#scratch = scratch;
    this.#activation = activationNumbers[plan.activation];
  }

  initialize(block: Float32Array, random: RandomStream): void {
    initializeLinear(this.plan, block, random);
  }

  /** See {@link initializeOrthogonal}. */
  initializeOrthogonal(block: Float32Array, gain: number, random: RandomStream): void {
    initializeOrthogonal(this.plan, 'column-major', block, gain, random, this.#kernels);
  }

  /** output[rows, outputs] for all rows of `input`; `parameters` is the byte offset of the block. */
  forward(parameters: number, input: LayerInput, output: number): void {
    const { inputs, outputs, weight, bias } = this.plan;
    const { rows } = input;
    const { list } = input.plan;
    const w = parameters + weight * 4;
    if (input.isSparse) this.#kernels.sparseForward(output, list, w, rows, outputs);
    else this.#kernels.gemmNN(output, input.values, w, rows, outputs, inputs, 0, this.#scratch);
    this.#kernels.biasActivation(output, parameters + bias * 4, rows, outputs, this.#activation);
  }

  /**
   * Writes the gradients of weights and biases into the block at `gradients`.
   * @param output what {@link forward} computed, [rows, outputs]
   * @param outputGradient [rows, outputs]; it is overwritten with the gradient before the activation
   */
  backward(gradients: number, input: LayerInput, output: number, outputGradient: number): void {
    const { inputs, outputs, weight, bias } = this.plan;
    const { rows } = input;
    const { list } = input.plan;
    const kernels = this.#kernels;
    const w = gradients + weight * 4;
    kernels.activationBackward(outputGradient, output, rows * outputs, this.#activation);
    if (input.isSparse) kernels.sparseWeightGradient(w, list, outputGradient, rows, inputs, outputs);
    else kernels.gemmTN(w, input.values, outputGradient, inputs, outputs, rows, 0, this.#scratch);
    kernels.columnSums(gradients + bias * 4, outputGradient, rows, outputs, 0);
  }

  /**
   * Puts the gradients of the listed values in place of them, once {@link backward} has used those.
   * @param outputGradient as `backward` left it
   */
  backwardValues(parameters: number, input: LayerInput, outputGradient: number): void {
    const { outputs, weight } = this.plan;
    const w = parameters + weight * 4;
    this.#kernels.sparseValueGradient(input.plan.list, outputGradient, w, input.rows, outputs);
  }
}
