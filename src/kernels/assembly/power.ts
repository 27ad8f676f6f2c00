// Powers on four lanes, from + − × ÷ alone, so that every engine gives the same bits.

import { log4 } from './logarithm';
import { exp4 } from './tanh';

const smallestNormal: f32 = 1.17549435e-38;

/** xʸ for x ≥ 0 and y of 0 to 1, never 0 and never infinite; what is smaller than any normal x counts as the smallest. */
// @ts-ignore: decorator
@inline
export function pow4(x: v128, y: v128): v128 {
  const power = exp4(f32x4.mul(y, log4(f32x4.pmax(x, f32x4.splat(smallestNormal)))));
  // The logarithm of NaN is some number.
  return v128.bitselect(power, x, f32x4.eq(x, x));
}
