import type { Layout } from '../buffer/layout.js';
import type { Kernels } from '../kernels/kernels.js';
import { InputLinear, planInputLinear } from '../network/input-linear.js';
import type { InputRows } from '../network/input-rows.js';
import { Linear, linearScratchBytes, planLinear } from '../network/linear.js';
import type { LinearPlan } from '../network/linear.js';
import type { NoiseSource } from '../network/noise-source.js';
import { NoisyWeights, planNoisyWeights, planNoisyWeightsWorkspace } from '../network/noisy-weights.js';
import type { NoiseSettings, NoisyWeightsPlan, NoisyWeightsWorkspace } from '../network/noisy-weights.js';
import { ParameterLayout } from '../network/parameter-layout.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import { QHead, planQHead, qHeadScratchBytes } from '../network/q-head.js';
import type { QHeadPlan, ReturnSupport } from '../network/q-head.js';
import type { RandomStream } from '../random.js';

/** Sizes of a Q-network and the layout of its parameters. Plain data. */
export interface DqnNetworkPlan {
  /** `w1`, `b1`, `w2`, … with ReLU. */
  readonly hidden: readonly LinearPlan[];
  readonly head: QHeadPlan;
  /**
   * σ of each hidden layer behind the first and of the head: `sw2`, `sb2`, …, `swa`, …; empty where there is no noise.
   * The first layer has none: it finds features, as the convolutions of the paper do, and most of a gridworld's network
   * are its weights, of which the zeros of a one-hot observation let a step touch few.
   */
  readonly noise: readonly NoisyWeightsPlan[];
  readonly parameters: readonly ParameterTensor[];
  readonly parameterCount: number;
}

export interface DqnNetworkSizes {
  /** Values of one stacked observation. */
  readonly observationSize: number;
  readonly hiddenSizes: readonly number[];
  readonly actionCount: number;
  readonly dueling: boolean;
  /** Returns of the distributions that the network gives; undefined: it gives action values. */
  readonly support: ReturnSupport | undefined;
  readonly noise: NoiseSettings | undefined;
}

export function planDqnNetwork(sizes: DqnNetworkSizes): DqnNetworkPlan {
  const layout = new ParameterLayout();
  const hidden: LinearPlan[] = [];
  let inputs = sizes.observationSize;
  for (const outputs of sizes.hiddenSizes) {
    const number = hidden.length + 1;
    const planLayer = hidden.length === 0 ? planInputLinear : planLinear;
    hidden.push(planLayer(layout, `w${number}`, `b${number}`, inputs, outputs, 'relu'));
    inputs = outputs;
  }
  const head = planQHead(layout, inputs, sizes.actionCount, sizes.dueling, sizes.support);
  const noise = planNoise(layout, sizes.noise, [...hidden.slice(1), head.linear]);
  return { hidden, head, noise, parameters: layout.tensors, parameterCount: layout.count };
}

function planNoise(
  layout: ParameterLayout,
  settings: NoiseSettings | undefined,
  layers: readonly LinearPlan[],
): NoisyWeightsPlan[] {
  return settings === undefined ? [] : layers.map((layer) => planNoisyWeights(layout, layer, settings));
}

/** Byte offsets of what a forward pass leaves behind, or of the gradients of the same; dense, one row per sample. */
export interface DqnActivations {
  /** f32 [rows, outputs] of each hidden layer. */
  readonly hidden: readonly number[];
  /** f32 [rows, actions + 1, atoms]: the streams of a dueling head. */
  readonly streams: number;
  /** f32 [rows, actions, atoms]: action values, or logits. */
  readonly outputs: number;
  /** f32 [rows, actions]: action values; the same place as `outputs` where those are. */
  readonly q: number;
}

export function planDqnActivations(layout: Layout, plan: DqnNetworkPlan, rows: number): DqnActivations {
  const { actions, atoms, support, linear } = plan.head;
  const hidden = plan.hidden.map((layer) => layout.reserve(rows * layer.outputs * 4));
  const streams = layout.reserve(rows * linear.outputs * 4);
  const outputs = layout.reserve(rows * actions * atoms * 4);
  return { hidden, streams, outputs, q: support === undefined ? outputs : layout.reserve(rows * actions * 4) };
}

/** Where the noisy weights of a pass lie. */
export function planDqnNoise(layout: Layout, { noise }: DqnNetworkPlan): readonly NoisyWeightsWorkspace[] {
  return noise.map((plan) => planNoisyWeightsWorkspace(layout, plan));
}

/** Bytes that the layers of a network share among them. */
export function dqnNetworkScratchBytes(plan: DqnNetworkPlan, rows: number): number {
  return Math.max(...plan.hidden.map((layer) => linearScratchBytes(layer, rows)), qHeadScratchBytes(plan.head, rows));
}

/**
 * The Q-network: hidden ReLU layers and a plain or dueling head; where planned so, all but the first are noisy.
 * Parameters are named by offset in each call.
 */
export class DqnNetwork {
  readonly #first: InputLinear;
  /** The hidden layers behind the first. */
  readonly #rest: readonly Linear[];
  readonly #head: QHead;
  /** Of `#rest` and, as the last, of the head; empty where there is no noise. */
  readonly #noise: readonly NoisyWeights[];
  /** Whether the weights of the last pass were drawn. */
  #isDrawn = false;

  /** @param scratch byte offset of {@link dqnNetworkScratchBytes} */
  constructor(plan: DqnNetworkPlan, noise: readonly NoisyWeightsWorkspace[], kernels: Kernels, scratch: number) {
    const [first, ...rest] = plan.hidden;
    if (first === undefined) throw new RangeError('A Q-network has at least one hidden layer.');
    this.#first = new InputLinear(first, kernels, scratch);
    this.#rest = rest.map((layer) => new Linear(layer, kernels, scratch));
    this.#head = new QHead(plan.head, kernels, scratch);
    this.#noise = plan.noise.map((layer, index) => new NoisyWeights(layer, noise[index], kernels));
  }

  initialize(block: Float32Array, random: RandomStream): void {
    this.#first.initialize(block, random);
    const layers = this.#noise.length > 0 ? this.#noise : [...this.#rest, this.#head];
    for (const layer of layers) layer.initialize(block, random);
  }

  /**
   * Computes `outputs` for the rows of `observation`.
   * @param source of noise for this pass; undefined: weights are μ
   */
  forward(parameters: number, observation: InputRows, activations: DqnActivations, source?: NoiseSource): void {
    this.forwardFirst(parameters, observation, activations, 0);
    this.forwardRest(parameters, activations, 0, observation.rows, source);
  }

  /** The first layer alone, writing its rows from `firstRow` on: two inputs can so share the passes behind it. */
  forwardFirst(parameters: number, observation: InputRows, activations: DqnActivations, firstRow: number): void {
    const output = activations.hidden[0] + firstRow * this.#first.plan.outputs * 4;
    this.#first.forward(parameters, observation, output);
  }

  /** Everything behind the first layer, for `rows` rows from `firstRow` on. */
  forwardRest(
    parameters: number,
    activations: DqnActivations,
    firstRow: number,
    rows: number,
    source: NoiseSource | undefined,
  ): void {
    const { hidden, streams, outputs } = activations;
    const { actions, atoms, linear } = this.#head.plan;
    this.#drawWeights(parameters, source);
    let features = hidden[0] + firstRow * this.#first.plan.outputs * 4;
    for (let index = 0; index < this.#rest.length; index++) {
      const layer = this.#rest[index];
      const output = hidden[index + 1] + firstRow * layer.plan.outputs * 4;
      layer.forward(this.#weightsOf(index, parameters), features, output, rows);
      features = output;
    }
    this.#head.forward(
      this.#weightsOf(this.#rest.length, parameters),
      features,
      streams + firstRow * linear.outputs * 4,
      outputs + firstRow * actions * atoms * 4,
      rows,
    );
  }

  /** Computes `q` from `outputs`. */
  readValues({ q, outputs }: DqnActivations, rows: number): void {
    this.#head.values(q, outputs, rows);
  }

  /**
   * Writes the gradients of all parameters, from `upstream.outputs` and what the last pass left, if that was the one for
   * the rows of `observation`, from row 0 on.
   * @param upstream its `outputs` are given, the rest is room to work in
   */
  backward(
    parameters: number,
    gradients: number,
    observation: InputRows,
    activations: DqnActivations,
    upstream: DqnActivations,
  ): void {
    const { rows } = observation;
    const last = this.#rest.length;
    this.#head.backward(
      this.#weightsOf(last, parameters),
      gradients,
      activations.hidden[last],
      upstream.streams,
      upstream.outputs,
      upstream.hidden[last],
      rows,
    );
    for (let index = last; index > 0; index--) {
      this.#rest[index - 1].backward(
        this.#weightsOf(index - 1, parameters),
        gradients,
        activations.hidden[index - 1],
        activations.hidden[index],
        upstream.hidden[index],
        upstream.hidden[index - 1],
        rows,
      );
    }
    this.#first.backward(gradients, observation, activations.hidden[0], upstream.hidden[0]);
    if (this.#isDrawn) for (const layer of this.#noise) layer.backward(gradients);
  }

  #drawWeights(parameters: number, source: NoiseSource | undefined): void {
    this.#isDrawn = source !== undefined && this.#noise.length > 0;
    if (source !== undefined) for (const layer of this.#noise) layer.draw(parameters, source);
  }

  /** What to tell a layer behind the first of its parameters. */
  #weightsOf(layer: number, parameters: number): number {
    return this.#isDrawn ? this.#noise[layer].parameters : parameters;
  }
}
