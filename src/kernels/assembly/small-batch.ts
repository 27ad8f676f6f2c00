// Y = X·Wᵀ for a few rows. Packing W would cost as much as the product itself, so each output is a dot product; four rows
// of W at a time share the loads of x and hide the latency of the additions.

import { horizontalSum } from './reduction';

/** Y[m, n] = X[m, k] · W[n, k]ᵀ, meant for m = 1 to 8. */
export function smallBatchNT(y: usize, x: usize, w: usize, m: usize, n: usize, k: usize): void {
  const row = k << 2;
  const whole = n & ~3;
  for (let sample: usize = 0; sample < m; sample++) {
    let weights = w;
    for (let output: usize = 0; output < whole; output += 4) {
      fourDots(y, x, weights, row, k);
      weights += row << 2;
      y += 16;
    }
    for (let output = whole; output < n; output++) {
      store<f32>(y, dot(x, weights, k));
      weights += row;
      y += 4;
    }
    x += row;
  }
}

function fourDots(y: usize, x: usize, w: usize, row: usize, k: usize): void {
  let s0 = f32x4.splat(0),
    s1 = f32x4.splat(0),
    s2 = f32x4.splat(0),
    s3 = f32x4.splat(0);
  let w0 = w,
    w1 = w0 + row,
    w2 = w1 + row,
    w3 = w2 + row;
  const vectorsEnd = x + ((k & ~3) << 2);
  const end = x + (k << 2);
  while (x < vectorsEnd) {
    const input = v128.load(x);
    s0 = f32x4.add(s0, f32x4.mul(input, v128.load(w0)));
    s1 = f32x4.add(s1, f32x4.mul(input, v128.load(w1)));
    s2 = f32x4.add(s2, f32x4.mul(input, v128.load(w2)));
    s3 = f32x4.add(s3, f32x4.mul(input, v128.load(w3)));
    x += 16;
    w0 += 16;
    w1 += 16;
    w2 += 16;
    w3 += 16;
  }
  let t0 = horizontalSum(s0),
    t1 = horizontalSum(s1),
    t2 = horizontalSum(s2),
    t3 = horizontalSum(s3);
  while (x < end) {
    const input = load<f32>(x);
    t0 += input * load<f32>(w0);
    t1 += input * load<f32>(w1);
    t2 += input * load<f32>(w2);
    t3 += input * load<f32>(w3);
    x += 4;
    w0 += 4;
    w1 += 4;
    w2 += 4;
    w3 += 4;
  }
  store<f32>(y, t0);
  store<f32>(y, t1, 4);
  store<f32>(y, t2, 8);
  store<f32>(y, t3, 12);
}

export function dot(x: usize, w: usize, k: usize): f32 {
  let sum = f32x4.splat(0);
  const vectorsEnd = x + ((k & ~3) << 2);
  const end = x + (k << 2);
  while (x < vectorsEnd) {
    sum = f32x4.add(sum, f32x4.mul(v128.load(x), v128.load(w)));
    x += 16;
    w += 16;
  }
  let total = horizontalSum(sum);
  while (x < end) {
    total += load<f32>(x) * load<f32>(w);
    x += 4;
    w += 4;
  }
  return total;
}
