/** How close is close enough: to `relative` of what is expected, or to `absolute` near 0. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/** What the specification asks of f32 kernels. */
export const singlePrecision: Tolerance = { relative: 1e-5, absolute: 1e-6 };

/** The first value out of tolerance, in words; undefined where all values agree. */
export function differenceOf(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { relative, absolute } = singlePrecision,
): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} values instead of ${expected.length}`;
  for (let index = 0; index < expected.length; index++) {
    const is = actual[index] ?? Number.NaN;
    const wanted = expected[index] ?? Number.NaN;
    const bound = Math.max(absolute, relative * Math.abs(wanted));
    if (!(Math.abs(is - wanted) <= bound)) return `[${index}] is ${is}, not within ${bound} of ${wanted}`;
  }
  return undefined;
}
