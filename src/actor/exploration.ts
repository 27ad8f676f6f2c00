import type { DecayingEpsilon, EpsilonSchedule, LinearEpsilon } from '../algorithms/algorithm.js';
import type { ActionSpace } from '../environment/environment.js';
import type { RandomStream } from '../random.js';

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

/**
 * Draws an action uniformly from the legal ones.
 * @param words where choices go, one each
 * @param values the same place, where the numbers of a box go
 * @returns false where the mask leaves no option of some choice
 */
export function drawAction(
  space: ActionSpace,
  legal: Uint8Array | undefined,
  random: RandomStream,
  words: Int32Array,
  values: Float32Array,
): boolean {
  if (space.kind === 'box') {
    const { low, high } = space;
    for (let index = 0; index < values.length; index++) values[index] = low + (high - low) * random.uniform();
    return true;
  }
  if (space.kind === 'discrete') return drawChoice(space.count, legal, 0, random, words, 0);
  let first = 0;
  for (let choice = 0; choice < space.counts.length; choice++) {
    if (!drawChoice(space.counts[choice], legal, first, random, words, choice)) return false;
    first += space.counts[choice];
  }
  return true;
}

/** One choice, whose entries in the mask begin at `first`. */
function drawChoice(
  count: number,
  legal: Uint8Array | undefined,
  first: number,
  random: RandomStream,
  words: Int32Array,
  choice: number,
): boolean {
  if (legal === undefined) {
    words[choice] = random.integer(count);
    return true;
  }
  const options = countLegal(legal, first, count);
  if (options === 0) return false;
  words[choice] = nthLegal(legal, first, count, random.integer(options));
  return true;
}

/** The `choice`-th legal option among the `count` of a mask from `first` on; `choice` is below the number of legal ones. */
export function nthLegal(legal: Uint8Array, first: number, count: number, choice: number): number {
  let left = choice;
  for (let option = 0; option < count; option++) {
    if (legal[first + option] === 0) continue;
    if (left === 0) return option;
    left--;
  }
  return -1;
}

export function countLegal(legal: Uint8Array, first: number, count: number): number {
  let legalCount = 0;
  for (let option = 0; option < count; option++) legalCount += legal[first + option] === 0 ? 0 : 1;
  return legalCount;
}
