import { activationNumbers, gemmScratchBytes } from '../kernels/kernels.js';
import type { Activation, Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';
import { initializeLinear, initializeOrthogonal } from './initialization.js';
import type { ParameterLayout } from './parameter-layout.js';

/** The sizes of a linear layer and where its parameters lie. Plain data, made without kernels. */
export interface LinearPlan {
  readonly inputs: number;
  readonly outputs: number;
  /** Position of W [outputs, inputs] in the parameter block, in floats. */
  readonly weight: number;
  /** Position of b [outputs]. */
  readonly bias: number;
  readonly activation: Activation;
}

/** Reserves a layer's weights and biases under the given names. */
export function planLinear(
  layout: ParameterLayout,
  weightName: string,
  biasName: string,
  inputs: number,
  outputs: number,
  activation: Activation,
): LinearPlan {
  const weight = layout.reserve(weightName, [outputs, inputs]);
  const bias = layout.reserve(biasName, [outputs]);
  return { inputs, outputs, weight, bias, activation };
}

/** Bytes of scratch that {@link Linear} needs for any number of rows: enough for each of its products. */
export function linearScratchBytes(plan: LinearPlan, rows: number): number {
  return Math.max(
    gemmScratchBytes(plan.outputs, plan.inputs),
    gemmScratchBytes(plan.inputs, plan.outputs),
    gemmScratchBytes(plan.inputs, rows),
    gemmScratchBytes(plan.outputs, rows),
  );
}

/** Up to this many rows dot products are faster than packing the weights: measured for 64 × 64 to 250 × 250. */
const smallBatch = 8;

/**
 * A fully connected layer, y = activation(x·Wᵀ + b). It holds no parameters: each call is told at which byte the
 * parameter block begins, so one layer serves the online network, the target network and every weight slot.
 */
export class Linear {
  readonly plan: LinearPlan;
  readonly #kernels: Kernels;
  readonly #scratch: number;
  readonly #activation: number;

  /** @param scratch byte offset of {@link linearScratchBytes}; layers of one thread may share it */
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
    initializeOrthogonal(this.plan, 'row-major', block, gain, random, this.#kernels);
  }

  /** output[rows, outputs] from input[rows, inputs]; `parameters` is the byte offset of the block. */
  forward(parameters: number, input: number, output: number, rows: number): void {
    const { inputs, outputs, weight, bias } = this.plan;
    const w = parameters + weight * 4;
    if (rows <= smallBatch) this.#kernels.smallBatchNT(output, input, w, rows, outputs, inputs);
    else this.#kernels.gemmNT(output, input, w, rows, outputs, inputs, 0, this.#scratch);
    this.#kernels.biasActivation(output, parameters + bias * 4, rows, outputs, this.#activation);
  }

  /**
   * Writes the gradients of weights and biases into the block at `gradients` and, unless `inputGradient` is undefined,
   * the gradient of the input.
   * @param output what {@link forward} computed, [rows, outputs]
   * @param outputGradient [rows, outputs]; it is overwritten with the gradient before the activation
   */
  backward(
    parameters: number,
    gradients: number,
    input: number,
    output: number,
    outputGradient: number,
    inputGradient: number | undefined,
    rows: number,
  ): void {
    const { inputs, outputs, weight, bias, activation } = this.plan;
    const kernels = this.#kernels;
    if (activation !== 'none') kernels.activationBackward(outputGradient, output, rows * outputs, this.#activation);
    kernels.gemmTN(gradients + weight * 4, outputGradient, input, outputs, inputs, rows, 0, this.#scratch);
    kernels.columnSums(gradients + bias * 4, outputGradient, rows, outputs, 0);
    if (inputGradient === undefined) return;
    kernels.gemmNN(inputGradient, outputGradient, parameters + weight * 4, rows, inputs, outputs, 0, this.#scratch);
  }
}
