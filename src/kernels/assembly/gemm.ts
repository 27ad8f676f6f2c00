// Matrix products C[m, n] (+)= A · B in the three forms that a linear layer needs. All matrices are dense, row-major
// f32. Letters as in BLAS: N as stored, T transposed. Scratch: a spilled row, packed rows of A, the packed block of B.

import { packRows, packTransposed, transposeFour } from './pack';
import { panelRowBytes, tileOfFour, tileOfOne } from './tile';

/** Steps of k taken at once: a panel of 8 columns is then 8 KiB and stays in L1 beside four rows of A. */
const blockDepth: usize = 256;
/** Rows of A packed at once: enough to use a panel eight times while it is in L1, few enough to stay in L2. */
const blockRows: usize = 32;
const spillBytes: usize = 32;
const packedRowsBytes: usize = blockRows * blockDepth * 4;

// @ts-ignore: decorator
@inline
function smaller(left: usize, right: usize): usize {
  return left < right ? left : right;
}

/** C[m, n] (+)= A[m, k] · B[n, k]ᵀ, the forward pass Y = X·Wᵀ. */
export function gemmNT(c: usize, a: usize, b: usize, m: usize, n: usize, k: usize, accumulate: bool, scratch: usize): void {
  const panels = scratch + spillBytes + packedRowsBytes;
  for (let start: usize = 0; start < k; start += blockDepth) {
    const depth = smaller(blockDepth, k - start);
    packTransposed(panels, b + (start << 2), k << 2, depth, n);
    multiplyRows(c, a + (start << 2), k << 2, panels, m, n, depth, accumulate || start > 0, scratch);
  }
}

/** C[m, n] (+)= A[m, k] · B[k, n], the gradient of the input dX = dY·W. */
export function gemmNN(c: usize, a: usize, b: usize, m: usize, n: usize, k: usize, accumulate: bool, scratch: usize): void {
  const panels = scratch + spillBytes + packedRowsBytes;
  for (let start: usize = 0; start < k; start += blockDepth) {
    const depth = smaller(blockDepth, k - start);
    packRows(panels, b + ((start * n) << 2), n << 2, depth, n);
    multiplyRows(c, a + (start << 2), k << 2, panels, m, n, depth, accumulate || start > 0, scratch);
  }
}

/** C[m, n] (+)= A[k, m]ᵀ · B[k, n], the gradient of the weights dW = dYᵀ·X. */
export function gemmTN(c: usize, a: usize, b: usize, m: usize, n: usize, k: usize, accumulate: bool, scratch: usize): void {
  const panels = scratch + spillBytes + packedRowsBytes;
  for (let start: usize = 0; start < k; start += blockDepth) {
    const depth = smaller(blockDepth, k - start);
    packRows(panels, b + ((start * n) << 2), n << 2, depth, n);
    multiplyColumns(c, a + ((start * m) << 2), m << 2, panels, m, n, depth, accumulate || start > 0, scratch);
  }
}

function multiplyRows(
  c: usize,
  a: usize,
  aRow: usize,
  panels: usize,
  m: usize,
  n: usize,
  depth: usize,
  accumulate: bool,
  scratch: usize,
): void {
  const cRow = n << 2;
  const tiles = scratch + spillBytes;
  for (let start: usize = 0; start < m; start += blockRows) {
    const rows = smaller(blockRows, m - start);
    const whole = rows & ~3;
    for (let row: usize = 0; row < whole; row += 4) {
      transposeFour(tiles + ((row * depth) << 2), 16, a + row * aRow, aRow, depth);
    }
    let panel = panels;
    for (let column: usize = 0; column < n; column += 8) {
      const columns = smaller(8, n - column);
      let to = c + (column << 2);
      for (let row: usize = 0; row < whole; row += 4) {
        tileOfFour(to, cRow, columns, tiles + ((row * depth) << 2), 16, panel, depth, accumulate, scratch);
        to += cRow << 2;
      }
      for (let row = whole; row < rows; row++) {
        tileOfOne(to, columns, a + row * aRow, 4, panel, depth, accumulate, scratch);
        to += cRow;
      }
      panel += depth * panelRowBytes;
    }
    a += rows * aRow;
    c += rows * cRow;
  }
}

function multiplyColumns(
  c: usize,
  a: usize,
  aStep: usize,
  panels: usize,
  m: usize,
  n: usize,
  depth: usize,
  accumulate: bool,
  spill: usize,
): void {
  const cRow = n << 2;
  const whole = m & ~3;
  for (let column: usize = 0; column < n; column += 8) {
    const columns = smaller(8, n - column);
    let to = c + (column << 2);
    for (let row: usize = 0; row < whole; row += 4) {
      tileOfFour(to, cRow, columns, a + (row << 2), aStep, panels, depth, accumulate, spill);
      to += cRow << 2;
    }
    for (let row = whole; row < m; row++) {
      tileOfOne(to, columns, a + (row << 2), aStep, panels, depth, accumulate, spill);
      to += cRow;
    }
    panels += depth * panelRowBytes;
  }
}
