/**
 * What stands in every row, as a function of (ring, row, generation of its writer), so that a mix of two rows, or of
 * the same slot before and after, is seen.
 */

const lengths = [1, 2, 9, 1, 30, 5];

/** Rows after which the pattern of episodes repeats. */
export const patternRows = lengths.reduce((sum, length) => sum + length + 1, 0);

/** Per row of the pattern: steps before it in its episode. */
const elapsed = new Int32Array(patternRows);
/** Steps to the end of its episode, itself included; 0 for a boundary row. */
const remaining = new Int32Array(patternRows);
const terminates = new Uint8Array(patternRows);

let patternRow = 0;
for (const [episode, length] of lengths.entries()) {
  for (let step = 0; step <= length; step++, patternRow++) {
    elapsed[patternRow] = step;
    remaining[patternRow] = length - step;
    terminates[patternRow] = episode % 2;
  }
}

/**
 * Four bytes that the observation repeats, and that are the action mask.
 * @param {number} ring
 * @param {number} row
 * @param {number} generation
 */
export function canaryOf(ring, row, generation) {
  let mixed = Math.imul(row + 1, 0x9e3779b1) ^ Math.imul(ring + 1, 0x85ebca6b) ^ Math.imul(generation + 1, 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}

/**
 * A whole number below 2¹², so that sums of a few with powers of ½ are exact.
 * @param {number} canary
 */
export function rewardOf(canary) {
  return canary >>> 20;
}

/** @param {number} row counted from the first of its writer */
export function isLastStep(row) {
  return remaining[row % patternRows] === 1;
}

/** @param {number} row counted from the first of its writer */
export function isTerminated(row) {
  return terminates[row % patternRows] === 1;
}

/** Holds sampled transitions against what must stand in them. The discount is ½. */
export class CanaryCheck {
  #plan;
  #batch;
  #rule;
  #starts;
  #actions;
  #returns;
  #discounts;
  #floats;
  #words;

  /**
   * @param {SharedArrayBuffer} buffer
   * @param {import('#marlin/buffer/ring-plan.js').RingPlan} plan
   * @param {import('#marlin/buffer/transition-batch.js').TransitionBatch} batch
   * @param {import('#marlin/buffer/transition-reader.js').SamplingRule} rule
   * @param {Int32Array} starts [rings][generations]: first row of each writer of each ring, growing; −1 = not yet
   */
  constructor(buffer, plan, batch, rule, starts) {
    this.#plan = plan;
    this.#batch = batch;
    this.#rule = rule;
    this.#starts = starts;
    this.#actions = new Int32Array(buffer, batch.action, batch.size);
    this.#returns = new Float32Array(buffer, batch.nStepReturn, batch.size);
    this.#discounts = new Float32Array(buffer, batch.bootstrapDiscount, batch.size);
    this.#floats = new Float32Array(buffer);
    this.#words = new Int32Array(buffer);
  }

  /** Transitions of the batch that are not what was written. */
  torn() {
    let torn = 0;
    for (let index = 0; index < this.#batch.size; index++) if (!this.#isWhole(index)) torn++;
    return torn;
  }

  /** @param {number} index */
  #isWhole(index) {
    const { rings } = this.#plan;
    const ring = this.#actions[index] % rings;
    const row = (this.#actions[index] - ring) / rings;
    const generations = this.#starts.length / rings;
    const own = ring * generations;
    let generation = 0;
    for (let next = 1; next < generations; next++) {
      const start = this.#starts[own + next];
      if (start < 0 || start > row) break;
      generation = next;
    }
    const place = (row - this.#starts[own + generation]) % patternRows;
    if (remaining[place] === 0) return false;

    const taken = Math.min(this.#rule.steps, remaining[place]);
    let nStepReturn = 0;
    for (let step = 0; step < taken; step++) {
      nStepReturn += rewardOf(canaryOf(ring, row + step, generation)) / (1 << step);
    }
    if (this.#returns[index] !== nStepReturn) return false;
    const ended = taken === remaining[place];
    if (this.#discounts[index] !== (ended && terminates[place] === 1 ? 0 : 1 / (1 << taken))) return false;

    const { observation, nextObservation, nextLegal = 0 } = this.#batch;
    if (this.#words[nextLegal / 4 + index] !== canaryOf(ring, row + taken, generation)) return false;
    return (
      this.#isStack(observation, index, ring, row, generation, elapsed[place]) &&
      this.#isStack(nextObservation, index, ring, row + taken, generation, elapsed[place] + taken)
    );
  }

  /**
   * @param {number} offset
   * @param {number} index
   * @param {number} ring
   * @param {number} row
   * @param {number} generation
   * @param {number} before steps before it in its episode
   */
  #isStack(offset, index, ring, row, generation, before) {
    const { frames } = this.#rule;
    const size = this.#plan.observationSize;
    const floats = this.#floats;
    let at = offset / 4 + index * frames * size;
    for (let back = frames - 1; back >= 0; back--) {
      const canary = back <= before ? canaryOf(ring, row - back, generation) : 0;
      const [first, second, third, fourth] = [canary & 255, (canary >>> 8) & 255, (canary >>> 16) & 255, canary >>> 24];
      for (const end = at + size; at < end; at += 4) {
        if (floats[at] !== first || floats[at + 1] !== second) return false;
        if (floats[at + 2] !== third || floats[at + 3] !== fourth) return false;
      }
    }
    return true;
  }
}
