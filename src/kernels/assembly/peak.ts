/**
 * What 128-bit lanes can do at most: `iterations` × 12 multiplications and 12 additions of four lanes, all in registers.
 * Twelve chains of dependent operations keep four units busy at a latency of six cycles, and need no register more than
 * there are. The result keeps the loop from being optimised away.
 */
export function multiplyAddPeak(iterations: i32): f32 {
  const factor = f32x4.splat(0.9999);
  const term = f32x4.splat(0.0001);
  let s0 = f32x4.splat(0.1),
    s1 = f32x4.splat(0.2),
    s2 = f32x4.splat(0.3),
    s3 = f32x4.splat(0.4);
  let s4 = f32x4.splat(0.5),
    s5 = f32x4.splat(0.6),
    s6 = f32x4.splat(0.7),
    s7 = f32x4.splat(0.8);
  let s8 = f32x4.splat(0.9),
    s9 = f32x4.splat(1.1),
    s10 = f32x4.splat(1.2),
    s11 = f32x4.splat(1.3);
  for (let iteration = 0; iteration < iterations; iteration++) {
    s0 = f32x4.add(f32x4.mul(s0, factor), term);
    s1 = f32x4.add(f32x4.mul(s1, factor), term);
    s2 = f32x4.add(f32x4.mul(s2, factor), term);
    s3 = f32x4.add(f32x4.mul(s3, factor), term);
    s4 = f32x4.add(f32x4.mul(s4, factor), term);
    s5 = f32x4.add(f32x4.mul(s5, factor), term);
    s6 = f32x4.add(f32x4.mul(s6, factor), term);
    s7 = f32x4.add(f32x4.mul(s7, factor), term);
    s8 = f32x4.add(f32x4.mul(s8, factor), term);
    s9 = f32x4.add(f32x4.mul(s9, factor), term);
    s10 = f32x4.add(f32x4.mul(s10, factor), term);
    s11 = f32x4.add(f32x4.mul(s11, factor), term);
  }
  const sum = f32x4.add(
    f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)),
    f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7)),
  );
  const all = f32x4.add(sum, f32x4.add(f32x4.add(s8, s9), f32x4.add(s10, s11)));
  return (
    f32x4.extract_lane(all, 0) + f32x4.extract_lane(all, 1) + f32x4.extract_lane(all, 2) + f32x4.extract_lane(all, 3)
  );
}
