import type { Layout } from '../buffer/layout.js';
import type { Kernels } from '../kernels/kernels.js';
import { InputLinear, planInputLinear } from '../network/input-linear.js';
import type { InputRows } from '../network/input-rows.js';
import { Linear, linearScratchBytes, planLinear } from '../network/linear.js';
import type { LinearPlan } from '../network/linear.js';
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
  return { hidden, head, parameters: layout.tensors, parameterCount: layout.count };
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

/** Bytes that the layers of a network share among them. */
export function dqnNetworkScratchBytes(plan: DqnNetworkPlan, rows: number): number {
  return Math.max(...plan.hidden.map((layer) => linearScratchBytes(layer, rows)), qHeadScratchBytes(plan.head, rows));
}

/** The Q-network: hidden ReLU layers and a plain or dueling head. Parameters are named by offset in each call. */
export class DqnNetwork {
  readonly #first: InputLinear;
  /** The hidden layers behind the first. */
  readonly #rest: readonly Linear[];
  readonly #head: QHead;

  /** @param scratch byte offset of {@link dqnNetworkScratchBytes} */
  constructor(plan: DqnNetworkPlan, kernels: Kernels, scratch: number) {
    const [first, ...rest] = plan.hidden;
    if (first === undefined) throw new RangeError('A Q-network has at least one hidden layer.');
    this.#first = new InputLinear(first, kernels, scratch);
    this.#rest = rest.map((layer) => new Linear(layer, kernels, scratch));
    this.#head = new QHead(plan.head, kernels, scratch);
  }

  initialize(block: Float32Array, random: RandomStream): void {
    this.#first.initialize(block, random);
    for (const layer of this.#rest) layer.initialize(block, random);
    this.#head.initialize(block, random);
  }

  /** Computes `outputs` for the rows of `observation`. */
  forward(parameters: number, observation: InputRows, activations: DqnActivations): void {
    this.forwardFirst(parameters, observation, activations, 0);
    this.forwardRest(parameters, activations, observation.rows);
  }

  /** The first layer alone, writing its rows from `firstRow` on: two inputs can so share the passes behind it. */
  forwardFirst(parameters: number, observation: InputRows, activations: DqnActivations, firstRow: number): void {
    const output = activations.hidden[0] + firstRow * this.#first.plan.outputs * 4;
    this.#first.forward(parameters, observation, output);
  }

  /** Everything behind the first layer. */
  forwardRest(parameters: number, activations: DqnActivations, rows: number): void {
    let features = activations.hidden[0];
    for (let index = 0; index < this.#rest.length; index++) {
      const output = activations.hidden[index + 1];
      this.#rest[index].forward(parameters, features, output, rows);
      features = output;
    }
    this.#head.forward(parameters, features, activations.streams, activations.outputs, rows);
  }

  /** Computes `q` from `outputs`. */
  readValues({ q, outputs }: DqnActivations, rows: number): void {
    this.#head.values(q, outputs, rows);
  }

  /**
   * Writes the gradients of all parameters, from `upstream.outputs` and what {@link forward} left for the rows of
   * `observation`.
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
      parameters,
      gradients,
      activations.hidden[last],
      upstream.streams,
      upstream.outputs,
      upstream.hidden[last],
      rows,
    );
    for (let index = last; index > 0; index--) {
      this.#rest[index - 1].backward(
        parameters,
        gradients,
        activations.hidden[index - 1],
        activations.hidden[index],
        upstream.hidden[index],
        upstream.hidden[index - 1],
        rows,
      );
    }
    this.#first.backward(gradients, observation, activations.hidden[0], upstream.hidden[0]);
  }
}
