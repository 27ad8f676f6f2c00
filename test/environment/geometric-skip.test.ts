import { describe, expect, it } from 'vitest';
import { GeometricSkip } from '#marlin/environment/geometric-skip.js';
import { chiSquareBound, testStream } from './streams.js';

/** How often each of the trials succeeded in so many rounds. */
function successes(probability: number, trials: number, rounds: number, expectedTrials = trials): number[] {
  const skip = new GeometricSkip(probability, expectedTrials);
  const random = testStream(Math.round(probability * 1e6));
  const counts = Array.from({ length: trials }, () => 0);
  for (let round = 0; round < rounds; round++) {
    let trial = skip.next(0, trials, random);
    while (trial < trials) {
      counts[trial]++;
      trial = skip.next(trial + 1, trials, random);
    }
  }
  return counts;
}

describe('geometric skipping', () => {
  it.each([
    [0.005, 361, 361],
    [0.02, 64, 64],
    [0.3, 40, 40],
    [0.9, 40, 40],
    // Tables of powers shorter than the trials, so that the draw starts anew past their end.
    [0.0005, 5000, 1024],
    [0.1, 100, 7],
    [0.1, 100, 1],
  ])('lets each trial succeed with probability %f (%i trials, %i expected)', (probability, trials, expectedTrials) => {
    const rounds = 20_000;
    const counts = successes(probability, trials, rounds, expectedTrials);
    const mean = rounds * probability;
    const variance = mean * (1 - probability);
    const chiSquare = counts.reduce((sum, count) => sum + (count - mean) ** 2 / variance, 0);
    expect(chiSquare).toBeLessThan(chiSquareBound(trials));
  });

  it.each([0.001, 0.005, 0.3])('draws gaps of the geometric distribution (%f)', (probability) => {
    const tableEnd = 200;
    const skip = new GeometricSkip(probability, tableEnd);
    const random = testStream(1);
    const draws = 300_000;
    const bins = Math.ceil(3 / probability);
    const counts = Array.from({ length: bins + 1 }, () => 0);
    for (let draw = 0; draw < draws; draw++) counts[skip.next(0, bins, random)]++;
    const expected = counts.map((_, gap) => draws * (1 - probability) ** gap * (gap < bins ? probability : 1));
    const chiSquare = counts.reduce((sum, count, gap) => sum + (count - expected[gap]) ** 2 / expected[gap], 0);
    expect(chiSquare).toBeLessThan(chiSquareBound(bins));
    // One wrong gap, where the table of powers ends, would drown in the sum.
    const atEnd = counts[Math.min(tableEnd, bins)];
    const expectedAtEnd = expected[Math.min(tableEnd, bins)];
    expect(Math.abs(atEnd - expectedAtEnd)).toBeLessThan(4 * Math.sqrt(expectedAtEnd));
  });

  it('never succeeds at probability 0 and always at 1', () => {
    expect(successes(0, 2000, 50)).toEqual(Array.from({ length: 2000 }, () => 0));
    expect(successes(1, 2000, 50)).toEqual(Array.from({ length: 2000 }, () => 50));
  });

  it('has nothing to draw where no trial is left', () => {
    const random = testStream();
    const before = random.state();
    expect(new GeometricSkip(0.5, 7).next(7, 7, random)).toBe(7);
    expect(random.state()).toEqual(before);
  });

  it.each([-0.1, 1.1, Number.NaN])('refuses the probability %f', (probability) => {
    expect(() => new GeometricSkip(probability, 10)).toThrow(expect.objectContaining({ code: 'ERR_ENVIRONMENT' }));
  });
});
