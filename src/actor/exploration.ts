import type { EpsilonSchedule } from '../algorithms/algorithm.js';

/**
 * ε at a point of the run: linear from `start` to `end` over the schedule's duration.
 * @param epoch epochs completed
 * @param turns turns taken since the run began
 */
export function epsilonAt(schedule: EpsilonSchedule, epoch: number, turns: number): number {
  const elapsed = schedule.unit === 'epochs' ? epoch : turns;
  const share = elapsed >= schedule.duration ? 1 : elapsed / schedule.duration;
  // Exactly `start` and `end` at the ends. One expression, for a function that returns now a loaded field and now a sum
  // puts every sum on the heap.
  return (1 - share) * schedule.start + share * schedule.end;
}

/** The `choice`-th legal action of a mask; `choice` is below the number of legal ones. */
export function nthLegal(legal: Uint8Array, choice: number): number {
  let left = choice;
  for (let action = 0; action < legal.length; action++) {
    if (legal[action] === 0) continue;
    if (left === 0) return action;
    left--;
  }
  return -1;
}

export function countLegal(legal: Uint8Array): number {
  let count = 0;
  for (let action = 0; action < legal.length; action++) count += legal[action] === 0 ? 0 : 1;
  return count;
}
