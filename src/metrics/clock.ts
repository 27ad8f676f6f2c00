/** Milliseconds since 1970, with fractions: a clock that threads share. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
