import type { Layout } from './layout.js';
import type { RingPlan } from './ring-plan.js';
import { sumTreeLeaves, sumTreeNodes } from './sum-tree.js';

/**
 * Settings of prioritized replay (Schaul et al. 2016, arXiv 1511.05952): a transition is drawn with probability
 * ∝ (|td| + ε)^α and weighted by (N · P)^−β, divided by the largest weight of the batch.
 */
export interface PrioritySettings {
  /** α: 0 is uniform. */
  readonly exponent: number;
  /** β goes linearly from `start` to `end` over the first `duration` training steps. */
  readonly correction: { readonly start: number; readonly end: number; readonly duration: number };
  /** Added to |td|, so that no transition is lost for ever. */
  readonly floor: number;
}

/** What needs powers, which no engine's `Math` may compute. The kernels implement it; arguments are byte offsets. */
export interface PriorityKernels {
  /** leaves[count] = (|errors| + floor)^exponent, f32 */
  priorityLeaves(leaves: number, errors: number, count: number, floor: number, exponent: number): void;
  /** weights[count] = (smallest leaf / leaf)^correction, f32 */
  importanceWeights(weights: number, leaves: number, count: number, correction: number): void;
}

/** What must outlive the thread: byte offsets into the learner's working state. */
export interface PriorityState {
  /** f64 [1]: training steps done. */
  readonly trainingSteps: number;
  /** f32 [1]: the largest leaf ever learnt, with which new transitions enter; 1 at first. */
  readonly top: number;
  /** i32 [rings]: the first position that has not entered yet. */
  readonly entered: number;
  /** f32 [sumTreeLeaves(rings × capacity)]: a leaf for each row, 0 where no transition may be drawn. */
  readonly leaves: number;
}

export function planPriorityState(layout: Layout, rings: number, capacity: number): PriorityState {
  return {
    trainingSteps: layout.reserve(8),
    top: layout.reserve(4, 8),
    entered: layout.reserve(rings * 4, 8),
    leaves: layout.reserve(sumTreeLeaves(rings * capacity) * 4),
  };
}

/** Writes the state of an untrained learner: no transition has entered. */
export function initializePriorityState(buffer: SharedArrayBuffer, plan: RingPlan, state: PriorityState): void {
  new Float64Array(buffer, state.trainingSteps, 1)[0] = 0;
  new Float32Array(buffer, state.top, 1)[0] = 1;
  new Int32Array(buffer, state.entered, plan.rings).fill(plan.startPosition);
  new Float32Array(buffer, state.leaves, sumTreeLeaves(plan.rings * plan.capacity)).fill(0);
}

/** Byte offsets of what a thread makes again from the state. */
export interface PriorityLists {
  /** f64 [sumTreeNodes]: sums over the leaves. */
  readonly sums: number;
  /** f32 [batch]: the leaves by which the batch was drawn. */
  readonly drawn: number;
  /** f32 [batch]: those that its training step gives them. */
  readonly learnt: number;
}

export function planPriorityLists(layout: Layout, rings: number, capacity: number, batchSize: number): PriorityLists {
  return {
    sums: layout.reserve(sumTreeNodes(rings * capacity) * 8),
    drawn: layout.reserve(batchSize * 4),
    learnt: layout.reserve(batchSize * 4),
  };
}

/** Bytes per row of state (it is kept twice: working and committed) and sums. */
export const priorityBytesPerRow = 2 * 4 + 8;
