/**
 * Positions in a ring. A position grows by one per row and wraps at the ring's *period*, the largest multiple of its
 * capacity below 2³⁰: an Int32 would overflow after two hours of a fast actor, and BigInt atomics allocate. Because the
 * period is a multiple of the capacity, `position % capacity` is the row's slot on both sides of the wrap.
 */
const positionLimit = 2 ** 30;

/** The largest multiple of `capacity` below 2³⁰. */
export function periodOf(capacity: number): number {
  return Math.floor((positionLimit - 1) / capacity) * capacity;
}

/** Which half of the period a position lies in: its parity tells whether a count of crossed halves is ahead of it. */
export function halfOf(position: number, period: number): 0 | 1 {
  return position >= period / 2 ? 1 : 0;
}

/** `position + rows`, wrapped. `rows` may be negative, with |rows| ≤ period. */
export function advance(position: number, rows: number, period: number): number {
  const next = position + rows;
  if (next >= period) return next - period;
  return next < 0 ? next + period : next;
}

/** Rows from `from` to `to`, negative when `to` lies behind: the circular difference, in [−period/2, period/2). */
export function distance(from: number, to: number, period: number): number {
  const difference = to - from;
  // By integers: a sampler asks several times per transition.
  const half = (period + 1) >> 1;
  if (difference >= half) return difference - period;
  return difference < half - period ? difference + period : difference;
}
