import type { Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';
import { Linear, linearScratchBytes } from './linear.js';
import type { LinearPlan } from './linear.js';
import type { ParameterLayout } from './parameter-layout.js';

/** Sizes and places of a head that turns features into one value per action. Plain data. */
export interface QHeadPlan {
  readonly actions: number;
  readonly dueling: boolean;
  /** One layer for both streams: rows [A₁ … Aₙ, V] of a dueling head, [Q₁ … Qₙ] of a plain one. */
  readonly linear: LinearPlan;
}

/**
 * Reserves `wa`, `wv`, `ba`, `bv` (the latter of each pair only where the head is dueling), in this order: both streams
 * are then one matrix, and one product computes them.
 */
export function planQHead(layout: ParameterLayout, inputs: number, actions: number, dueling: boolean): QHeadPlan {
  const weight = layout.reserve('wa', [actions, inputs]);
  if (dueling) layout.reserve('wv', [1, inputs]);
  const bias = layout.reserve('ba', [actions]);
  if (dueling) layout.reserve('bv', [1]);
  const outputs = dueling ? actions + 1 : actions;
  return { actions, dueling, linear: { inputs, outputs, weight, bias, activation: 'none' } };
}

export function qHeadScratchBytes(plan: QHeadPlan, rows: number): number {
  return linearScratchBytes(plan.linear, rows);
}

/** The action values Q [rows, actions], plain or dueling: Q = V + A − mean(A) (Wang et al. 2016, equation 9). */
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
   * q[rows, actions] from features[rows, inputs].
   * @param streams room for [rows, actions + 1]; a plain head leaves it alone
   */
  forward(parameters: number, features: number, streams: number, q: number, rows: number): void {
    const { dueling, actions } = this.plan;
    this.#linear.forward(parameters, features, dueling ? streams : q, rows);
    if (dueling) this.#kernels.duelingForward(q, streams, rows, actions);
  }

  /**
   * Gradients of the head's parameters and of the features, from qGradient[rows, actions].
   * @param streams room for [rows, actions + 1]; what the forward pass left there is not needed
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
    const { dueling, actions } = this.plan;
    if (dueling) this.#kernels.duelingBackward(streams, qGradient, rows, actions);
    const streamGradient = dueling ? streams : qGradient;
    this.#linear.backward(parameters, gradients, features, streams, streamGradient, featureGradient, rows);
  }
}
