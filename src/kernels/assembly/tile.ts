// The register tiles of the matrix product. C[4×8] needs 8 v128 accumulators, which together with one row of the panel
// (2) and a broadcast factor (1) fit the 16 registers of x64 and leave room for products. A 6×8 tile spills. The four
// factors of a step lie side by side: with a pointer to each of four rows instead, the tile reached 0.69 of the bound
// rather than 0.93.

/** Bytes of one row of a panel of B: 8 floats. */
export const panelRowBytes: usize = 32;

// @ts-ignore: decorator
@inline
function put(c: usize, low: v128, high: v128, accumulate: bool): void {
  if (accumulate) {
    low = f32x4.add(low, v128.load(c));
    high = f32x4.add(high, v128.load(c, 16));
  }
  v128.store(c, low);
  v128.store(c, high, 16);
}

/** Writes the first `columns` < 8 values of a tile's row. `spill` is 32 bytes of scratch. */
function putPart(c: usize, low: v128, high: v128, columns: usize, accumulate: bool, spill: usize): void {
  v128.store(spill, low);
  v128.store(spill, high, 16);
  for (let column: usize = 0; column < columns; column++) {
    const value = load<f32>(spill + (column << 2));
    const to = c + (column << 2);
    store<f32>(to, accumulate ? load<f32>(to) + value : value);
  }
}

// @ts-ignore: decorator
@inline
function putRow(c: usize, low: v128, high: v128, columns: usize, accumulate: bool, spill: usize): void {
  if (columns === 8) put(c, low, high, accumulate);
  else putPart(c, low, high, columns, accumulate, spill);
}

/**
 * C[4, columns] (+)= Aᵀ[4, depth] · panel[depth, 8], where A is stored [depth, …].
 * @param cRow bytes from one row of C to the next
 * @param aStep bytes from one step's four factors to the next
 */
export function tileOfFour(
  c: usize,
  cRow: usize,
  columns: usize,
  a: usize,
  aStep: usize,
  panel: usize,
  depth: usize,
  accumulate: bool,
  spill: usize,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  const end = panel + depth * panelRowBytes;
  while (panel < end) {
    const low = v128.load(panel);
    const high = v128.load(panel, 16);
    let factor = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(factor, low));
    c01 = f32x4.add(c01, f32x4.mul(factor, high));
    factor = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(factor, low));
    c11 = f32x4.add(c11, f32x4.mul(factor, high));
    factor = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(factor, low));
    c21 = f32x4.add(c21, f32x4.mul(factor, high));
    factor = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(factor, low));
    c31 = f32x4.add(c31, f32x4.mul(factor, high));
    a += aStep;
    panel += panelRowBytes;
  }
  putRow(c, c00, c01, columns, accumulate, spill);
  putRow(c + cRow, c10, c11, columns, accumulate, spill);
  putRow(c + 2 * cRow, c20, c21, columns, accumulate, spill);
  putRow(c + 3 * cRow, c30, c31, columns, accumulate, spill);
}

/** C[1, columns] (+)= a[depth] · panel[depth, 8]: the rows that fill no tile of four. `aStep` in bytes. */
export function tileOfOne(
  c: usize,
  columns: usize,
  a: usize,
  aStep: usize,
  panel: usize,
  depth: usize,
  accumulate: bool,
  spill: usize,
): void {
  let low = f32x4.splat(0);
  let high = f32x4.splat(0);
  const end = panel + depth * panelRowBytes;
  while (panel < end) {
    const factor = v128.load32_splat(a);
    low = f32x4.add(low, f32x4.mul(factor, v128.load(panel)));
    high = f32x4.add(high, f32x4.mul(factor, v128.load(panel, 16)));
    a += aStep;
    panel += panelRowBytes;
  }
  putRow(c, low, high, columns, accumulate, spill);
}
