// Plain f64 mathematics to hold the kernels to.

/** A small generator of its own, so that a failing test can be repeated from its seed (mulberry32). */
export function uniformStream(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` values from U(−1, 1), as f32 holds them. */
export function uniformValues(count: number, seed: number): Float32Array {
  const uniform = uniformStream(seed);
  return Float32Array.from({ length: count }, () => 2 * uniform() - 1);
}

/** A matrix of [rows, columns]; `transposed` reads it as stored [columns, rows]. */
export interface Matrix {
  readonly values: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
  readonly transposed?: boolean;
}

function at({ values, rows, columns, transposed = false }: Matrix, row: number, column: number): number {
  return values[transposed ? column * rows + row : row * columns + column] ?? Number.NaN;
}

/** left · right */
export function product(left: Matrix, right: Matrix): Float64Array {
  const result = new Float64Array(left.rows * right.columns);
  for (let row = 0; row < left.rows; row++) {
    for (let column = 0; column < right.columns; column++) {
      let sum = 0;
      for (let inner = 0; inner < left.columns; inner++) sum += at(left, row, inner) * at(right, inner, column);
      result[row * right.columns + column] = sum;
    }
  }
  return result;
}

/** Central differences of `f` by each of `values`, which are put back afterwards. */
export function numericalGradient(values: Float64Array, f: () => number, step = 1e-6): Float64Array {
  return values.map((value, index) => {
    values[index] = value + step;
    const above = f();
    values[index] = value - step;
    const below = f();
    values[index] = value;
    return (above - below) / (2 * step);
  });
}
