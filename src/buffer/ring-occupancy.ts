import { halfOf } from './position.js';
import type { RingPlan } from './ring-plan.js';
import { ringControl } from './ring-plan.js';

/** Rows ever written to a ring, boundary rows included, up to a head that was read from it. Exact on any thread. */
export function totalRows(words: Int32Array, plan: RingPlan, head: number): number {
  // Read after the head, and stored before it: never behind it, and ahead of it by one half at the most. Parity tells.
  // Closes the races "halves counted, head not yet moved", also where the writer died between the two.
  const halves = Atomics.load(words, ringControl.halves);
  const entered = (halves & 1) === halfOf(head, plan.period) ? halves : halves - 1;
  return (entered >> 1) * plan.period + head - plan.startPosition;
}

/** Rows that a ring holds and has published, at most its capacity. */
export function publishedRows(control: Int32Array, plan: RingPlan): number {
  return Math.min(plan.capacity, totalRows(control, plan, Atomics.load(control, ringControl.head)));
}

/**
 * True once the rings hold enough rows for a first batch: as many as the batch, beyond the n of each ring that may still
 * lack their successors. Actors ask the same before they wait for a learner, who could otherwise be waiting for them.
 */
export function batchIsReady(
  controls: readonly Int32Array[],
  plan: RingPlan,
  batchSize: number,
  steps: number,
): boolean {
  let rows = 0;
  for (let ring = 0; ring < controls.length; ring++) {
    rows += Math.max(0, publishedRows(controls[ring], plan) - steps);
  }
  return rows >= batchSize;
}
