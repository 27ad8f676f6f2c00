// Sine and cosine on four lanes, from + − × alone, so that every engine gives the same bits. The polynomials are
// Chebyshev fits in x²; absolute errors stay below 2e-7 (test/kernels/random.test.ts, quantile-embedding.test.ts).

/** sin(π/2 · x) for |x| ≤ ½. */
// @ts-ignore: decorator
@inline
export function sinOfHalfPi4(x: v128): v128 {
  const square = f32x4.mul(x, x);
  let p = f32x4.splat(-0.00460214921281);
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(0.0796802176478));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-0.645963477665));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.57079632195));
  return f32x4.mul(p, x);
}

/** cos(π/2 · x) for |x| ≤ ½. */
// @ts-ignore: decorator
@inline
export function cosOfHalfPi4(x: v128): v128 {
  const square = f32x4.mul(x, x);
  let p = f32x4.splat(0.000906739898353);
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-0.0208615283422));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(0.253669410357));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-1.23370054937));
  return f32x4.add(f32x4.mul(p, square), f32x4.splat(1));
}

/** cos(π · x) for |x| ≤ ½, and a little beyond. */
// @ts-ignore: decorator
@inline
export function cosOfPi4(x: v128): v128 {
  const square = f32x4.mul(x, x);
  let p = f32x4.splat(-0.0246271115906);
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(0.23507436832));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-1.3352399607));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(4.05871141468));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-4.93480219699));
  return f32x4.add(f32x4.mul(p, square), f32x4.splat(1));
}
