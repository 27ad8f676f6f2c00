// The natural logarithm on four lanes, from + − × alone like `exp4`. Polynomial: Cephes 2.8 (S. Moshier), logf.c. Error
// below 1e-7, relative or near x = 1 absolute (test/kernels/categorical.test.ts).

import { exp4 } from './tanh';

/** log x for x > 0 that is neither denormal nor infinite. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  // x = 2ᵉ · m with m in [√½, √2), so that m − 1 is small.
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126)));
  let m = v128.or(v128.and(x, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000));
  const isLow = f32x4.lt(m, f32x4.splat(0.707106781186547524));
  e = f32x4.sub(e, v128.and(isLow, f32x4.splat(1)));
  m = f32x4.sub(f32x4.add(m, v128.and(isLow, m)), f32x4.splat(1));
  const square = f32x4.mul(m, m);
  let p = f32x4.splat(7.0376836292e-2);
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.1514610310e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(1.1676998740e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.2420140846e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(1.4249322787e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.6668057665e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(2.0000714765e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-2.4999993993e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(3.3333331174e-1));
  p = f32x4.mul(f32x4.mul(p, m), square);
  // ln 2 in two parts, as in exp4.
  p = f32x4.add(p, f32x4.mul(e, f32x4.splat(-2.12194440e-4)));
  p = f32x4.sub(p, f32x4.mul(square, f32x4.splat(0.5)));
  return f32x4.add(f32x4.add(m, p), f32x4.mul(e, f32x4.splat(0.693359375)));
}

// One value at a time, for what comes in rows of a few: a whole vector would save nothing that could be measured.

// @ts-ignore: decorator
@inline
export function logOf(x: f32): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(x)), 0);
}

// @ts-ignore: decorator
@inline
export function expOf(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}
