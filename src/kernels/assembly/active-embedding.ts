// The embedding of quantile fractions, computed only where the features of their observation are not 0: elsewhere the
// product of the two is 0 whatever the embedding. Half of the features are.

import { listActive } from './quantile-embedding';

/**
 * embedding[row, column] = ReLU(cosines[row] · w[column] + bias[column]) for the rows g · repeats + t and the columns in
 * which features[g] is not 0; other values are left alone. `active` is room for i32 [columns].
 *
 * @param cosines f32 [groups · repeats, count]
 * @param w f32 [columns, count]
 */
export function embedActive(
  embedding: usize,
  cosines: usize,
  w: usize,
  bias: usize,
  features: usize,
  groups: usize,
  repeats: usize,
  columns: usize,
  count: usize,
  active: usize,
): void {
  const row = columns << 2;
  const step = count << 2;
  const last = repeats - 1;
  for (let group: usize = 0; group < groups; group++) {
    const end = listActive(active, features, columns);
    for (let at = active; at < end; at += 8) {
      const left = (<usize>load<u32>(at)) << 2;
      // What fills no tile of 4 × 2 takes the last row or column once more.
      const right = at + 4 < end ? (<usize>load<u32>(at, 4)) << 2 : left;
      const biases = bias + left;
      const otherBiases = bias + right;
      for (let repeat: usize = 0; repeat < repeats; repeat += 4) {
        const second = min(repeat + 1, last);
        const third = min(repeat + 2, last);
        const fourth = min(repeat + 3, last);
        embedTile(
          embedding + repeat * row,
          embedding + second * row,
          embedding + third * row,
          embedding + fourth * row,
          cosines + repeat * step,
          cosines + second * step,
          cosines + third * step,
          cosines + fourth * step,
          left,
          right,
          w,
          count,
          load<f32>(biases),
          load<f32>(otherBiases),
        );
      }
    }
    features += row;
    embedding += repeats * row;
    cosines += repeats * step;
  }
}

/** Four rows by two columns, which lie `left` and `right` bytes into a row. */
function embedTile(
  y0: usize,
  y1: usize,
  y2: usize,
  y3: usize,
  x0: usize,
  x1: usize,
  x2: usize,
  x3: usize,
  left: usize,
  right: usize,
  w: usize,
  count: usize,
  leftBias: f32,
  rightBias: f32,
): void {
  let l0 = f32x4.splat(0), l1 = f32x4.splat(0), l2 = f32x4.splat(0), l3 = f32x4.splat(0);
  let r0 = f32x4.splat(0), r1 = f32x4.splat(0), r2 = f32x4.splat(0), r3 = f32x4.splat(0);
  let leftW = w + left * count;
  let rightW = w + right * count;
  const vectorsEnd = leftW + ((count & ~3) << 2);
  const end = leftW + (count << 2);
  while (leftW < vectorsEnd) {
    let lefts = v128.load(leftW);
    let rights = v128.load(rightW);
    let x = v128.load(x0);
    l0 = f32x4.add(l0, f32x4.mul(x, lefts));
    r0 = f32x4.add(r0, f32x4.mul(x, rights));
    x = v128.load(x1);
    l1 = f32x4.add(l1, f32x4.mul(x, lefts));
    r1 = f32x4.add(r1, f32x4.mul(x, rights));
    x = v128.load(x2);
    l2 = f32x4.add(l2, f32x4.mul(x, lefts));
    r2 = f32x4.add(r2, f32x4.mul(x, rights));
    x = v128.load(x3);
    l3 = f32x4.add(l3, f32x4.mul(x, lefts));
    r3 = f32x4.add(r3, f32x4.mul(x, rights));
    leftW += 16;
    rightW += 16;
    x0 += 16;
    x1 += 16;
    x2 += 16;
    x3 += 16;
  }
  let leftSums = sumsOfFour(l0, l1, l2, l3);
  let rightSums = sumsOfFour(r0, r1, r2, r3);
  while (leftW < end) {
    const x = f32x4(load<f32>(x0), load<f32>(x1), load<f32>(x2), load<f32>(x3));
    leftSums = f32x4.add(leftSums, f32x4.mul(x, v128.load32_splat(leftW)));
    rightSums = f32x4.add(rightSums, f32x4.mul(x, v128.load32_splat(rightW)));
    leftW += 4;
    rightW += 4;
    x0 += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
  }
  storeFour(y0 + left, y1 + left, y2 + left, y3 + left, f32x4.add(leftSums, f32x4.splat(leftBias)));
  storeFour(y0 + right, y1 + right, y2 + right, y3 + right, f32x4.add(rightSums, f32x4.splat(rightBias)));
}

/** The sums of the lanes of four vectors. */
// @ts-ignore: decorator
@inline
function sumsOfFour(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f64>(ab, cd, 0, 2), v128.shuffle<f64>(ab, cd, 1, 3));
}

/** What is below 0 becomes 0; NaN is let through. */
// @ts-ignore: decorator
@inline
function storeFour(y0: usize, y1: usize, y2: usize, y3: usize, sums: v128): void {
  const values = f32x4.pmax(sums, f32x4.splat(0));
  store<f32>(y0, f32x4.extract_lane(values, 0));
  store<f32>(y1, f32x4.extract_lane(values, 1));
  store<f32>(y2, f32x4.extract_lane(values, 2));
  store<f32>(y3, f32x4.extract_lane(values, 3));
}
