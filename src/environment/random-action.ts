import type { RandomStream } from '../random.js';
import type { ActionSpace } from './environment.js';

/**
 * Draws an action uniformly from the legal ones.
 * @param legal bytes in which the mask begins at `firstLegal`; undefined where all actions are legal
 * @param words where choices go, one each
 * @param values the same place, where the numbers of a box go
 * @returns false where the mask leaves no option of some choice
 */
export function drawAction(
  space: ActionSpace,
  legal: Uint8Array | undefined,
  firstLegal: number,
  random: RandomStream,
  words: Int32Array,
  values: Float32Array,
): boolean {
  if (space.kind === 'box') {
    const { low, high } = space;
    for (let index = 0; index < values.length; index++) values[index] = low + (high - low) * random.uniform();
    return true;
  }
  if (space.kind === 'discrete') return drawChoice(space.count, legal, firstLegal, random, words, 0);
  let first = firstLegal;
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
function nthLegal(legal: Uint8Array, first: number, count: number, choice: number): number {
  let left = choice;
  for (let option = 0; option < count; option++) {
    if (legal[first + option] === 0) continue;
    if (left === 0) return option;
    left--;
  }
  return -1;
}

function countLegal(legal: Uint8Array, first: number, count: number): number {
  let legalCount = 0;
  for (let option = 0; option < count; option++) legalCount += legal[first + option] === 0 ? 0 : 1;
  return legalCount;
}
