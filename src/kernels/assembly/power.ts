// Logarithm and power on four lanes, from + − × ÷ alone, so that every engine gives the same bits. Polynomial: Cephes
// 2.8 (S. Moshier), logf.c.

import { exp4 } from './tanh';

const smallestNormal: f32 = 1.17549435e-38;

/** ln x for x ≥ 0; what is smaller than any normal number, 0 included, counts as the smallest. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  const bits = f32x4.pmax(x, f32x4.splat(smallestNormal));
  // x = 2ⁿ · m with m in [√½, √2), so that the polynomial is asked for m − 1 near 0.
  let exponent = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(bits, 23), i32x4.splat(126)));
  const half = v128.or(v128.and(bits, i32x4.splat(0x007fffff)), f32x4.splat(0.5));
  const isLow = f32x4.lt(half, f32x4.splat(0.707106781186547524));
  exponent = f32x4.sub(exponent, v128.and(f32x4.splat(1), isLow));
  const m = f32x4.sub(f32x4.add(half, v128.and(half, isLow)), f32x4.splat(1));
  let p = f32x4.splat(7.0376836292e-2);
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.1514610310e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(1.1676998740e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.2420140846e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(1.4249322787e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.6668057665e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(2.0000714765e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-2.4999993993e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(3.3333331174e-1));
  const square = f32x4.mul(m, m);
  let rest = f32x4.mul(f32x4.mul(p, m), square);
  // ln 2 in two parts, the small one first.
  rest = f32x4.add(rest, f32x4.mul(exponent, f32x4.splat(-2.12194440e-4)));
  rest = f32x4.sub(rest, f32x4.mul(square, f32x4.splat(0.5)));
  const log = f32x4.add(f32x4.add(m, rest), f32x4.mul(exponent, f32x4.splat(0.693359375)));
  return v128.bitselect(log, x, f32x4.eq(x, x));
}

/** xʸ for x ≥ 0, never 0 and never infinite. */
// @ts-ignore: decorator
@inline
export function pow4(x: v128, y: v128): v128 {
  return exp4(f32x4.mul(y, log4(x)));
}
