// Packing, so that the tiles read both factors from front to back: B in panels of 8 columns, each [depth, 8] and padded
// with zeros on the right; A in tiles of 4 rows, each [depth, 4].

import { panelRowBytes } from './tile';

/** Packs B[depth, columns], stored row-major. `row` is the number of bytes from one row to the next. */
export function packRows(panels: usize, b: usize, row: usize, depth: usize, columns: usize): void {
  const whole = columns & ~7;
  for (let column: usize = 0; column < whole; column += 8) {
    let from = b + (column << 2);
    const end = panels + depth * panelRowBytes;
    for (; panels < end; panels += panelRowBytes) {
      v128.store(panels, v128.load(from));
      v128.store(panels, v128.load(from, 16), 16);
      from += row;
    }
  }
  const rest = columns - whole;
  if (rest === 0) return;
  let from = b + (whole << 2);
  const end = panels + depth * panelRowBytes;
  for (; panels < end; panels += panelRowBytes) {
    for (let column: usize = 0; column < 8; column++) {
      store<f32>(panels + (column << 2), column < rest ? load<f32>(from + (column << 2)) : 0);
    }
    from += row;
  }
}

/** Packs B[depth, columns] = Wᵀ, where W[columns, depth] is stored row-major with `row` bytes to a row. */
export function packTransposed(panels: usize, w: usize, row: usize, depth: usize, columns: usize): void {
  const whole = columns & ~7;
  for (let column: usize = 0; column < whole; column += 8) {
    transposeFour(panels, panelRowBytes, w + column * row, row, depth);
    transposeFour(panels + 16, panelRowBytes, w + (column + 4) * row, row, depth);
    panels += depth * panelRowBytes;
  }
  const rest = columns - whole;
  if (rest === 0) return;
  for (let step: usize = 0; step < depth; step++) {
    for (let column: usize = 0; column < 8; column++) {
      const from = w + (whole + column) * row + (step << 2);
      store<f32>(panels + (column << 2), column < rest ? load<f32>(from) : 0);
    }
    panels += panelRowBytes;
  }
}

/**
 * to[depth, 4] = the transpose of four rows of W, by 4×4 transposes in registers.
 * @param toStep bytes from one row of the result to the next
 * @param row bytes from one row of W to the next
 */
export function transposeFour(to: usize, toStep: usize, w: usize, row: usize, depth: usize): void {
  let w0 = w,
    w1 = w0 + row,
    w2 = w1 + row,
    w3 = w2 + row;
  const whole = depth & ~3;
  for (let step: usize = 0; step < whole; step += 4) {
    const r0 = v128.load(w0),
      r1 = v128.load(w1),
      r2 = v128.load(w2),
      r3 = v128.load(w3);
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(low01, low23, 0, 2));
    v128.store(to + toStep, v128.shuffle<f64>(low01, low23, 1, 3));
    v128.store(to + 2 * toStep, v128.shuffle<f64>(high01, high23, 0, 2));
    v128.store(to + 3 * toStep, v128.shuffle<f64>(high01, high23, 1, 3));
    w0 += 16;
    w1 += 16;
    w2 += 16;
    w3 += 16;
    to += 4 * toStep;
  }
  for (let step = whole; step < depth; step++) {
    store<f32>(to, load<f32>(w0));
    store<f32>(to, load<f32>(w1), 4);
    store<f32>(to, load<f32>(w2), 8);
    store<f32>(to, load<f32>(w3), 12);
    w0 += 4;
    w1 += 4;
    w2 += 4;
    w3 += 4;
    to += toStep;
  }
}
