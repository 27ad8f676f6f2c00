import type { DecayingEpsilon, EpsilonSchedule, LinearEpsilon } from '../algorithms/algorithm.js';

/**
 * ε at a point of the run.
 * @param epoch epochs completed
 * @param turns turns taken since the run began
 */
export function epsilonAt(schedule: EpsilonSchedule, epoch: number, turns: number): number {
  const elapsed = schedule.unit === 'epochs' ? epoch : turns;
  return schedule.kind === 'decay' ? decayed(schedule, elapsed) : interpolated(schedule, elapsed);
}

function interpolated({ start, end, duration }: LinearEpsilon, elapsed: number): number {
  const share = elapsed >= duration ? 1 : elapsed / duration;
  // Exactly `start` and `end` at the ends. One expression, for a function that returns now a loaded field and now a sum
  // puts every sum on the heap.
  return (1 - share) * start + share * end;
}

function decayed({ start, end, factor }: DecayingEpsilon, elapsed: number): number {
  return Math.max(end, start * power(factor, elapsed));
}

/** base to the power of a whole number, by products alone: `Math.pow` need not give the same bits on every engine. */
function power(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
