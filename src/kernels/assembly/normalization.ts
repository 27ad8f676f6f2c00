// Running moments of observations, and observations brought to mean 0 and deviation 1 by them.

/**
 * Takes `rows` vectors into running moments: f64 count [1], mean [size], sum of squared deviations [size], one after the
 * other at `moments` (Welford 1962).
 * @param x the first vector: f32 [size]; the next begins `stride` bytes later
 */
export function absorbMoments(moments: usize, x: usize, stride: usize, rows: usize, size: usize): void {
  const means = moments + 8;
  const squares = means + (size << 3);
  let count = load<f64>(moments);
  for (let row: usize = 0; row < rows; row++) {
    count += 1;
    const share = 1 / count;
    for (let index: usize = 0; index < size; index++) {
      const value = <f64>load<f32>(x + (index << 2));
      const mean = load<f64>(means + (index << 3));
      const difference = value - mean;
      const moved = mean + difference * share;
      store<f64>(means + (index << 3), moved);
      const sum = load<f64>(squares + (index << 3));
      store<f64>(squares + (index << 3), sum + difference * (value - moved));
    }
    x += stride;
  }
  store<f64>(moments, count);
}

/**
 * Writes f32 mean [size] and 1 ÷ standard deviation [size] of what {@link absorbMoments} took in: 0 and 1 before it took
 * in anything. Deviations below √`variance floor` count as that.
 */
export function settleMoments(mean: usize, inverse: usize, moments: usize, size: usize, varianceFloor: f64): void {
  const means = moments + 8;
  const squares = means + (size << 3);
  const count = load<f64>(moments);
  for (let index: usize = 0; index < size; index++) {
    const variance = count > 0 ? load<f64>(squares + (index << 3)) / count : 1;
    store<f32>(mean + (index << 2), count > 0 ? <f32>load<f64>(means + (index << 3)) : 0);
    store<f32>(inverse + (index << 2), <f32>(1 / sqrt(max(variance, varianceFloor))));
  }
}

/**
 * to[rows, size] = clamp((x − mean) · inverse, −bound, bound); `to` may be x. The `size` values of mean and inverse repeat
 * along each row of x, `repeats` times.
 */
export function normalizeRows(
  to: usize,
  x: usize,
  rows: usize,
  repeats: usize,
  size: usize,
  mean: usize,
  inverse: usize,
  bound: f32,
): void {
  const bytes = size << 2;
  const vectorsEnd = (size & ~3) << 2;
  const most = f32x4.splat(bound);
  const least = f32x4.splat(-bound);
  for (let block: usize = 0; block < rows * repeats; block++) {
    let index: usize = 0;
    for (; index < vectorsEnd; index += 16) {
      const value = f32x4.mul(f32x4.sub(v128.load(x + index), v128.load(mean + index)), v128.load(inverse + index));
      v128.store(to + index, f32x4.min(f32x4.max(value, least), most));
    }
    for (; index < bytes; index += 4) {
      const value = (load<f32>(x + index) - load<f32>(mean + index)) * load<f32>(inverse + index);
      store<f32>(to + index, min(max(value, -bound), bound));
    }
    to += bytes;
    x += bytes;
  }
}

/** x[count] *= factor */
export function scaleValues(x: usize, count: usize, factor: f32): void {
  const vectorsEnd = x + ((count & ~3) << 2);
  const end = x + (count << 2);
  const factors = f32x4.splat(factor);
  for (; x < vectorsEnd; x += 16) v128.store(x, f32x4.mul(v128.load(x), factors));
  for (; x < end; x += 4) store<f32>(x, load<f32>(x) * factor);
}
