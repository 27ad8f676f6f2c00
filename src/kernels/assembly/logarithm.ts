// The natural logarithm on four lanes, from + − × alone, so that every engine gives the same bits. Polynomial: Cephes 2.8
// (S. Moshier), logf.c.

/** ln x of positive normal x. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  // x = 2ⁿ · m with m from √½ to √2: n counts from the bits of √½, so that rounding down gives it.
  const rootHalf = i32x4.splat(0x3f3504f3);
  const n = i32x4.shr_s(i32x4.sub(x, rootHalf), 23);
  const exponent = f32x4.convert_i32x4_s(n);
  const r = f32x4.sub(i32x4.sub(x, i32x4.shl(n, 23)), f32x4.splat(1));
  const square = f32x4.mul(r, r);
  let p = f32x4.splat(7.0376836292e-2);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(-1.1514610310e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.1676998740e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(-1.2420140846e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.4249322787e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(-1.6668057665e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(2.0000714765e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(-2.4999993993e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(3.3333331174e-1));
  let y = f32x4.mul(f32x4.mul(p, square), r);
  // ln 2 in two parts, so that the sum keeps its last bits.
  y = f32x4.add(y, f32x4.mul(exponent, f32x4.splat(-2.12194440e-4)));
  y = f32x4.sub(y, f32x4.mul(square, f32x4.splat(0.5)));
  return f32x4.add(f32x4.add(r, y), f32x4.mul(exponent, f32x4.splat(0.693359375)));
}
