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
