// Sums over vectors and matrices.

// @ts-ignore: decorator
@inline
export function horizontalSum(lanes: v128): f32 {
  return (
    f32x4.extract_lane(lanes, 0) +
    f32x4.extract_lane(lanes, 1) +
    (f32x4.extract_lane(lanes, 2) + f32x4.extract_lane(lanes, 3))
  );
}

/** sums[columns] (+)= Σ over rows of x[rows, columns]: the gradient of a bias. */
export function columnSums(sums: usize, x: usize, rows: usize, columns: usize, accumulate: bool): void {
  const row = columns << 2;
  const whole = columns & ~3;
  for (let column: usize = 0; column < whole; column += 4) {
    const to = sums + (column << 2);
    let from = x + (column << 2);
    let sum = accumulate ? v128.load(to) : f32x4.splat(0);
    for (let r: usize = 0; r < rows; r++) {
      sum = f32x4.add(sum, v128.load(from));
      from += row;
    }
    v128.store(to, sum);
  }
  for (let column = whole; column < columns; column++) {
    const to = sums + (column << 2);
    let from = x + (column << 2);
    let sum: f32 = accumulate ? load<f32>(to) : 0;
    for (let r: usize = 0; r < rows; r++) {
      sum += load<f32>(from);
      from += row;
    }
    store<f32>(to, sum);
  }
}

/** Σ x², in f32 lanes that are added up in f64. Infinite from about |x| = 1.8e19: gradients of that size are no use. */
export function sumOfSquares(x: usize, count: usize): f64 {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  const blocksEnd = x + ((count & ~15) << 2);
  const end = x + (count << 2);
  while (x < blocksEnd) {
    const x0 = v128.load(x), x1 = v128.load(x, 16), x2 = v128.load(x, 32), x3 = v128.load(x, 48);
    s0 = f32x4.add(s0, f32x4.mul(x0, x0));
    s1 = f32x4.add(s1, f32x4.mul(x1, x1));
    s2 = f32x4.add(s2, f32x4.mul(x2, x2));
    s3 = f32x4.add(s3, f32x4.mul(x3, x3));
    x += 64;
  }
  let total = laneTotal(s0) + laneTotal(s1) + (laneTotal(s2) + laneTotal(s3));
  for (; x < end; x += 4) {
    const value = <f64>load<f32>(x);
    total += value * value;
  }
  return total;
}

function laneTotal(lanes: v128): f64 {
  return (
    <f64>f32x4.extract_lane(lanes, 0) +
    <f64>f32x4.extract_lane(lanes, 1) +
    (<f64>f32x4.extract_lane(lanes, 2) + <f64>f32x4.extract_lane(lanes, 3))
  );
}
