/**
 * Index of the largest of x[count], the first of equals; only where legal[count] (u8) is not 0, unless `legal` is 0,
 * which means that all are. −1 if none is legal. NaN is never chosen while another value is there.
 */
export function maskedArgmax(x: usize, count: i32, legal: usize): i32 {
  let best = -1;
  let largest: f32 = 0;
  for (let index = 0; index < count; index++) {
    if (legal !== 0 && load<u8>(legal + <usize>index) === 0) continue;
    const value = load<f32>(x + ((<usize>index) << 2));
    if (best < 0 || value > largest || (largest !== largest && value === value)) {
      best = index;
      largest = value;
    }
  }
  return best;
}
