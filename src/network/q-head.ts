import type { Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';
import { Linear, linearScratchBytes } from './linear.js';
import type { LinearPlan } from './linear.js';
import type { ParameterLayout } from './parameter-layout.js';

/** The returns whose probabilities a categorical head gives (Bellemare et al. 2017): `atoms` of them from `minimum` on. */
export interface ReturnSupport {
  readonly atoms: number;
  readonly minimum: number;
  /** Between one return and the next. */
  readonly step: number;
}

/** Sizes and places of a head that turns features into the value of each action. Plain data. */
export interface QHeadPlan {
  readonly actions: number;
  /** Outputs per action: 1, its value; or as many logits as its distribution has returns. */
  readonly atoms: number;
  /** Undefined where the outputs are the values themselves. */
  readonly support: ReturnSupport | undefined;
  readonly dueling: boolean;
  /** One layer for both streams: rows [A₁ … Aₙ, V] of a dueling head, [Q₁ … Qₙ] of a plain one, each of `atoms`. */
  readonly linear: LinearPlan;
}

/**
 * Reserves `wa`, `wv`, `ba`, `bv` (the latter of each pair only where the head is dueling), in this order: both streams
 * are then one matrix, and one product computes them.
 */
export function planQHead(
  layout: ParameterLayout,
  inputs: number,
  actions: number,
  dueling: boolean,
  support?: ReturnSupport,
): QHeadPlan {
  const atoms = support?.atoms ?? 1;
  const weight = layout.reserve('wa', [actions * atoms, inputs]);
  if (dueling) layout.reserve('wv', [atoms, inputs]);
  const bias = layout.reserve('ba', [actions * atoms]);
  if (dueling) layout.reserve('bv', [atoms]);
  const outputs = (dueling ? actions + 1 : actions) * atoms;
  return { actions, atoms, support, dueling, linear: { inputs, outputs, weight, bias, activation: 'none' } };
}

export function qHeadScratchBytes(plan: QHeadPlan, rows: number): number {
  return linearScratchBytes(plan.linear, rows);
}

/**
 * The outputs Q [rows, actions, atoms], plain or dueling: Q = V + A − mean(A) (Wang et al. 2016, equation 9). Where they
 * are logits, {@link values} are the means of their distributions.
 */
export class QHead {
  readonly plan: QHeadPlan;
  readonly #kernels: Kernels;
  readonly #linear: Linear;

  constructor(plan: QHeadPlan, kernels: Kernels, scratch: number) {
    this.plan = plan;
    this.#kernels = kernels;
    this.#linear = new Linear(plan.linear, kernels, scratch);
  }

  initialize(block: Float32Array, random: RandomStream): void {
    this.#linear.initialize(block, random);
  }

  /**
   * q[rows, actions, atoms] from features[rows, inputs].
   * @param streams room for [rows, actions + 1, atoms]; a plain head leaves it alone
   */
  forward(parameters: number, features: number, streams: number, q: number, rows: number): void {
    const { dueling, actions, atoms } = this.plan;
    this.#linear.forward(parameters, features, dueling ? streams : q, rows);
    if (dueling) this.#kernels.duelingForward(q, streams, rows, actions, atoms);
  }

  /** values[rows, actions] from q[rows, actions, atoms]; where q are values already, there is nothing to do. */
  values(values: number, q: number, rows: number): void {
    const { actions, support } = this.plan;
    if (support === undefined) return;
    this.#kernels.returnDistributionValues(values, q, rows * actions, support.atoms, support.minimum, support.step);
  }

  /**
   * Gradients of the head's parameters and of the features, from qGradient[rows, actions, atoms].
   * @param streams room for [rows, actions + 1, atoms]; what the forward pass left there is not needed
   */
  backward(
    parameters: number,
    gradients: number,
    features: number,
    streams: number,
    qGradient: number,
    featureGradient: number,
    rows: number,
  ): void {
    const { dueling, actions, atoms } = this.plan;
    if (dueling) this.#kernels.duelingBackward(streams, qGradient, rows, actions, atoms);
    const streamGradient = dueling ? streams : qGradient;
    this.#linear.backward(parameters, gradients, features, streams, streamGradient, featureGradient, rows);
  }
}
