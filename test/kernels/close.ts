import { expect } from 'vitest';

/** Fails unless |actual − expected| ≤ max(absolute, relative × |expected|) everywhere; names the worst value. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  relative = 1e-5,
  absolute = 1e-6,
): void {
  expect(actual.length, `${what}: count`).toBe(expected.length);
  for (let index = 0; index < expected.length; index++) {
    const is = actual[index] ?? Number.NaN;
    const wanted = expected[index] ?? Number.NaN;
    const bound = Math.max(absolute, relative * Math.abs(wanted));
    if (!(Math.abs(is - wanted) <= bound)) {
      expect.fail(`${what}[${index}] is ${is}, but must be within ${bound} of ${wanted}`);
    }
  }
}
