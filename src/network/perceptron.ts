import type { Layout } from '../buffer/layout.js';
import type { Activation, Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';
import { InputLinear, planInputLinear } from './input-linear.js';
import type { InputRows } from './input-rows.js';
import { Linear, linearScratchBytes, planLinear } from './linear.js';
import type { LinearPlan } from './linear.js';
import type { ParameterLayout } from './parameter-layout.js';

/** Hidden layers and, as the last, a linear one behind them. Plain data. */
export interface PerceptronPlan {
  readonly layers: readonly LinearPlan[];
}

/** Reserves `<prefix>w1`, `<prefix>b1`, `<prefix>w2`, … */
export function planPerceptron(
  layout: ParameterLayout,
  prefix: string,
  inputs: number,
  hiddenSizes: readonly number[],
  outputs: number,
  activation: Activation,
): PerceptronPlan {
  const sizes = [...hiddenSizes, outputs];
  const layers = sizes.map((size, index) => {
    const planLayer = index === 0 ? planInputLinear : planLinear;
    const layerInputs = index === 0 ? inputs : sizes[index - 1];
    const layerActivation = index === hiddenSizes.length ? 'none' : activation;
    const names = [`${prefix}w${index + 1}`, `${prefix}b${index + 1}`] as const;
    return planLayer(layout, ...names, layerInputs, size, layerActivation);
  });
  return { layers };
}

/** Byte offsets of each layer's outputs, f32 [rows, outputs], or of their gradients; the last are the network's own. */
export type LayerValues = readonly number[];

export function planLayerValues(layout: Layout, plan: PerceptronPlan, rows: number): LayerValues {
  return plan.layers.map(({ outputs }) => layout.reserve(rows * outputs * 4));
}

/** Bytes that the layers share among them. */
export function perceptronScratchBytes(plan: PerceptronPlan, rows: number): number {
  return Math.max(...plan.layers.map((layer) => linearScratchBytes(layer, rows)));
}

/** A plain network of fully connected layers. Parameters are named by offset in each call. */
export class Perceptron {
  readonly #first: InputLinear;
  readonly #rest: readonly Linear[];

  /** @param scratch byte offset of {@link perceptronScratchBytes} */
  constructor(plan: PerceptronPlan, kernels: Kernels, scratch: number) {
    const [first, ...rest] = plan.layers;
    this.#first = new InputLinear(first, kernels, scratch);
    this.#rest = rest.map((layer) => new Linear(layer, kernels, scratch));
  }

  initialize(block: Float32Array, random: RandomStream): void {
    this.#first.initialize(block, random);
    for (const layer of this.#rest) layer.initialize(block, random);
  }

  /** @param gains of the hidden layers, and of the last */
  initializeOrthogonal(block: Float32Array, gains: readonly [number, number], random: RandomStream): void {
    const [hidden, last] = gains;
    const count = this.#rest.length;
    this.#first.initializeOrthogonal(block, count === 0 ? last : hidden, random);
    this.#rest.forEach((layer, index) =>
      layer.initializeOrthogonal(block, index === count - 1 ? last : hidden, random),
    );
  }

  /** Fills `values` for the rows of `input`. */
  forward(parameters: number, input: InputRows, values: LayerValues): void {
    this.#first.forward(parameters, input, values[0]);
    for (let index = 0; index < this.#rest.length; index++) {
      this.#rest[index].forward(parameters, values[index], values[index + 1], input.rows);
    }
  }

  /**
   * Writes the gradients of all parameters, from what {@link forward} left for the rows of `input`.
   * @param upstream the last is given, the gradient of the network's outputs; the rest is room to work in
   */
  backward(parameters: number, gradients: number, input: InputRows, values: LayerValues, upstream: LayerValues): void {
    for (let index = this.#rest.length; index > 0; index--) {
      const below = index - 1;
      this.#rest[below].backward(
        parameters,
        gradients,
        values[below],
        values[index],
        upstream[index],
        upstream[below],
        input.rows,
      );
    }
    this.#first.backward(gradients, input, values[0], upstream[0]);
  }
}
