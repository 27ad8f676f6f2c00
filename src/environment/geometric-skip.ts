import { MarlinError } from '../errors.js';
import type { RandomStream } from '../random.js';

/** Half a megabyte. Up to so many trials, drawing that none succeeds takes one draw. */
const largestTable = 65536;

/**
 * Draws which of n independent trials of probability p succeed, in time proportional to the successes.
 *
 * The number of failures before the next success is geometric: P(failures ≥ k) = (1 − p)^k. It is drawn by inverting
 * that function over a table of the powers, made by repeated multiplication: a logarithm would be shorter, but engines
 * disagree about its last bits. Past the table's end the distribution starts anew (it has no memory), and so does the draw.
 */
export class GeometricSkip {
  /** f64 [k]: (1 − p)^k, the probability of at least k failures in a row. */
  readonly #atLeast: Float64Array;
  readonly #never: boolean;

  /**
   * @param probability of one trial, in [0, 1]; `ERR_ENVIRONMENT` otherwise
   * @param expectedTrials how many trials there will be at the most, 1 or more; beyond them, drawing takes longer
   */
  constructor(probability: number, expectedTrials: number) {
    if (!(probability >= 0 && probability <= 1)) {
      throw new MarlinError('ERR_ENVIRONMENT', `A probability lies in [0, 1], but this one is ${probability}.`);
    }
    const powers = [1];
    let power = 1;
    const tableEnd = Math.max(1, Math.min(expectedTrials, largestTable));
    // No draw is smaller than 2⁻⁵³, the step of `uniformPrecise`.
    while (powers.length <= tableEnd && power >= 2 ** -53) {
      power *= 1 - probability;
      powers.push(power);
    }
    this.#atLeast = Float64Array.from(powers);
    this.#never = probability === 0;
  }

  /**
   * The first success at or after trial `from`, or `trials` where there is none.
   * @param from trial to begin with, in [0, trials]
   * @param trials number of trials in all
   */
  next(from: number, trials: number, random: RandomStream): number {
    if (this.#never) return trials;
    const atLeast = this.#atLeast;
    const tableEnd = atLeast.length - 1;
    let trial = from;
    while (trial < trials) {
      const draw = 1 - random.uniformPrecise();
      const remaining = trials - trial;
      const end = remaining < tableEnd ? remaining : tableEnd;
      if (draw <= atLeast[end]) {
        trial += end;
        continue;
      }
      // The largest k with draw ≤ (1 − p)^k lies in [low, high).
      let low = 0;
      let high = end;
      while (high - low > 1) {
        const middle = (low + high) >>> 1;
        if (draw <= atLeast[middle]) low = middle;
        else high = middle;
      }
      return trial + low;
    }
    return trials;
  }
}
