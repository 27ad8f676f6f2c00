// Noisy layers (Fortunato et al. 2018, arXiv 1706.10295): weights μ + σ·ε, elementwise over a layer's weights and biases.

/** x = sign(x)·√|x|, in place: what factorised noise makes of a standard normal number. */
export function signedRoots(x: usize, count: usize): void {
  const sign = i32x4.splat(0x80000000);
  const vectorsEnd = x + ((count & ~3) << 2);
  const end = x + (count << 2);
  for (; x < vectorsEnd; x += 16) {
    const value = v128.load(x);
    v128.store(x, v128.or(f32x4.sqrt(f32x4.abs(value)), v128.and(value, sign)));
  }
  for (; x < end; x += 4) store<f32>(x, copysign<f32>(sqrt<f32>(abs<f32>(load<f32>(x))), load<f32>(x)));
}

/** y[rows, columns] = left[rows] · right[columns]. */
export function outerProduct(y: usize, left: usize, right: usize, rows: usize, columns: usize): void {
  const vectorsEnd = right + ((columns & ~3) << 2);
  const end = right + (columns << 2);
  for (let row: usize = 0; row < rows; row++) {
    const factor = load<f32>(left + (row << 2));
    const factors = f32x4.splat(factor);
    let from = right;
    for (; from < vectorsEnd; from += 16) {
      v128.store(y, f32x4.mul(factors, v128.load(from)));
      y += 16;
    }
    for (; from < end; from += 4) {
      store<f32>(y, factor * load<f32>(from));
      y += 4;
    }
  }
}

/** y[count] = a + b · c, elementwise. */
export function multiplyAdd(y: usize, a: usize, b: usize, c: usize, count: usize): void {
  const vectorsEnd = y + ((count & ~3) << 2);
  const end = y + (count << 2);
  while (y < vectorsEnd) {
    v128.store(y, f32x4.add(v128.load(a), f32x4.mul(v128.load(b), v128.load(c))));
    y += 16;
    a += 16;
    b += 16;
    c += 16;
  }
  while (y < end) {
    store<f32>(y, load<f32>(a) + load<f32>(b) * load<f32>(c));
    y += 4;
    a += 4;
    b += 4;
    c += 4;
  }
}

/** y[count] = a · b, elementwise. */
export function multiply(y: usize, a: usize, b: usize, count: usize): void {
  const vectorsEnd = y + ((count & ~3) << 2);
  const end = y + (count << 2);
  while (y < vectorsEnd) {
    v128.store(y, f32x4.mul(v128.load(a), v128.load(b)));
    y += 16;
    a += 16;
    b += 16;
  }
  while (y < end) {
    store<f32>(y, load<f32>(a) * load<f32>(b));
    y += 4;
    a += 4;
    b += 4;
  }
}
