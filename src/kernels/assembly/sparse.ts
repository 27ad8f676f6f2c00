// A linear layer whose input is mostly zeros, as one-hot observations are: only what is not 0 is multiplied. The weights
// are kept [inputs, outputs], so that one input's weights are neighbours.
//
// A list of non-zeros: i32 starts[rows + 1], padded to 8 bytes, then entries of 8 bytes, (column i32, value f32), row
// by row; entries starts[r] up to starts[r + 1] belong to row r.

import { horizontalSum } from './reduction';
import { dot } from './small-batch';

/** Of one entry. */
export const entryBytes: usize = 8;

// @ts-ignore: decorator
@inline
export function entriesOf(list: usize, rows: usize): usize {
  return list + (((rows + 2) & ~1) << 2);
}

/**
 * Lists what is not 0 in x[rows, columns] (NaN included) and returns how many there are, or −1 as soon as a row ends
 * with more than `limit`. There is room for `limit` + `columns` entries.
 */
export function listNonZeros(list: usize, x: usize, rows: usize, columns: usize, limit: usize): i32 {
  const entries = entriesOf(list, rows);
  const lastEntry = entries + limit * entryBytes;
  const whole = columns & ~3;
  let entry = entries;
  store<i32>(list, 0);
  for (let row: usize = 0; row < rows; row++) {
    for (let column: usize = 0; column < whole; column += 4) {
      const values = v128.load(x + (column << 2));
      let mask = i32x4.bitmask(f32x4.ne(values, f32x4.splat(0)));
      while (mask !== 0) {
        const found = column + <usize>ctz(mask);
        store<u32>(entry, <u32>found);
        store<f32>(entry, load<f32>(x + (found << 2)), 4);
        entry += entryBytes;
        mask &= mask - 1;
      }
    }
    for (let column = whole; column < columns; column++) {
      const value = load<f32>(x + (column << 2));
      if (value === 0) continue;
      store<u32>(entry, <u32>column);
      store<f32>(entry, value, 4);
      entry += entryBytes;
    }
    if (entry > lastEntry) return -1;
    store<u32>(list + ((row + 1) << 2), <u32>((entry - entries) >> 3));
    x += columns << 2;
  }
  return <i32>((entry - entries) >> 3);
}

/** y[rows, outputs] = X · W for X in `list` and W[inputs, outputs]. */
export function sparseForward(y: usize, list: usize, w: usize, rows: usize, outputs: usize): void {
  const entries = entriesOf(list, rows);
  const stride = outputs << 2;
  for (let row: usize = 0; row < rows; row++) {
    const first = entries + ((<usize>load<u32>(list + (row << 2))) << 3);
    const end = entries + ((<usize>load<u32>(list + (row << 2), 4)) << 3);
    let at: usize = 0;
    for (; at + 128 <= stride; at += 128) sumOf32(y + at, first, end, w + at, stride);
    // What is left of a wide row is computed together with outputs that are there already, and come out the same.
    if (at > 0 && at < stride) {
      at = stride;
      sumOf32(y + at - 128, first, end, w + at - 128, stride);
    }
    for (; at + 16 <= stride; at += 16) sumOf4(y + at, first, end, w + at, stride);
    for (; at < stride; at += 4) {
      let sum: f32 = 0;
      for (let entry = first; entry < end; entry += entryBytes) {
        sum += load<f32>(entry, 4) * load<f32>(w + at + <usize>load<u32>(entry) * stride);
      }
      store<f32>(y + at, sum);
    }
    y += stride;
  }
}

/** Eight accumulators: 32 outputs of one row. */
function sumOf32(y: usize, entry: usize, end: usize, w: usize, stride: usize): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  let s4 = f32x4.splat(0), s5 = f32x4.splat(0), s6 = f32x4.splat(0), s7 = f32x4.splat(0);
  for (; entry < end; entry += entryBytes) {
    const from = w + <usize>load<u32>(entry) * stride;
    const value = v128.load32_splat(entry, 4);
    s0 = f32x4.add(s0, f32x4.mul(value, v128.load(from)));
    s1 = f32x4.add(s1, f32x4.mul(value, v128.load(from, 16)));
    s2 = f32x4.add(s2, f32x4.mul(value, v128.load(from, 32)));
    s3 = f32x4.add(s3, f32x4.mul(value, v128.load(from, 48)));
    s4 = f32x4.add(s4, f32x4.mul(value, v128.load(from, 64)));
    s5 = f32x4.add(s5, f32x4.mul(value, v128.load(from, 80)));
    s6 = f32x4.add(s6, f32x4.mul(value, v128.load(from, 96)));
    s7 = f32x4.add(s7, f32x4.mul(value, v128.load(from, 112)));
  }
  v128.store(y, s0);
  v128.store(y, s1, 16);
  v128.store(y, s2, 32);
  v128.store(y, s3, 48);
  v128.store(y, s4, 64);
  v128.store(y, s5, 80);
  v128.store(y, s6, 96);
  v128.store(y, s7, 112);
}

function sumOf4(y: usize, entry: usize, end: usize, w: usize, stride: usize): void {
  let sum = f32x4.splat(0);
  for (; entry < end; entry += entryBytes) {
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(entry, 4), v128.load(w + <usize>load<u32>(entry) * stride)));
  }
  v128.store(y, sum);
}

/** gradient[inputs, outputs] = Xᵀ · dY for X in `list` and dY[rows, outputs]. */
export function sparseWeightGradient(
  gradient: usize,
  list: usize,
  outputGradient: usize,
  rows: usize,
  inputs: usize,
  outputs: usize,
): void {
  const entries = entriesOf(list, rows);
  const stride = outputs << 2;
  memory.fill(gradient, 0, inputs * stride);
  for (let row: usize = 0; row < rows; row++) {
    const first = entries + ((<usize>load<u32>(list + (row << 2))) << 3);
    const end = entries + ((<usize>load<u32>(list + (row << 2), 4)) << 3);
    let at: usize = 0;
    for (; at + 128 <= stride; at += 128) spread32(gradient + at, first, end, outputGradient + at, stride);
    for (; at + 16 <= stride; at += 16) spread4(gradient + at, first, end, outputGradient + at, stride);
    for (; at < stride; at += 4) {
      const g = load<f32>(outputGradient + at);
      for (let entry = first; entry < end; entry += entryBytes) {
        const to = gradient + at + <usize>load<u32>(entry) * stride;
        store<f32>(to, load<f32>(to) + load<f32>(entry, 4) * g);
      }
    }
    outputGradient += stride;
  }
}

// @ts-ignore: decorator
@inline
function add(to: usize, value: v128, g: v128): void {
  v128.store(to, f32x4.add(v128.load(to), f32x4.mul(value, g)));
}

/** 32 values of one row of dY stay in registers while they are added to the gradients of all its inputs. */
function spread32(gradient: usize, entry: usize, end: usize, outputGradient: usize, stride: usize): void {
  const g0 = v128.load(outputGradient), g1 = v128.load(outputGradient, 16);
  const g2 = v128.load(outputGradient, 32), g3 = v128.load(outputGradient, 48);
  const g4 = v128.load(outputGradient, 64), g5 = v128.load(outputGradient, 80);
  const g6 = v128.load(outputGradient, 96), g7 = v128.load(outputGradient, 112);
  for (; entry < end; entry += entryBytes) {
    const to = gradient + <usize>load<u32>(entry) * stride;
    const value = v128.load32_splat(entry, 4);
    add(to, value, g0);
    add(to + 16, value, g1);
    add(to + 32, value, g2);
    add(to + 48, value, g3);
    add(to + 64, value, g4);
    add(to + 80, value, g5);
    add(to + 96, value, g6);
    add(to + 112, value, g7);
  }
}

function spread4(gradient: usize, entry: usize, end: usize, outputGradient: usize, stride: usize): void {
  const g = v128.load(outputGradient);
  for (; entry < end; entry += entryBytes) {
    add(gradient + <usize>load<u32>(entry) * stride, v128.load32_splat(entry, 4), g);
  }
}

/** Replaces each listed value of X[rows, …] by its gradient, outputGradient[row] · W[column], for W[…, outputs]. */
export function sparseValueGradient(list: usize, outputGradient: usize, w: usize, rows: usize, outputs: usize): void {
  const entries = entriesOf(list, rows);
  const stride = outputs << 2;
  let entry = entries;
  for (let row: usize = 0; row < rows; row++) {
    const end = entries + ((<usize>load<u32>(list + (row << 2), 4)) << 3);
    for (; entry + 4 * entryBytes <= end; entry += 4 * entryBytes) {
      fourValues(entry, outputGradient, w, stride);
    }
    for (; entry < end; entry += entryBytes) {
      store<f32>(entry, dot(outputGradient, w + <usize>load<u32>(entry) * stride, outputs), 4);
    }
    outputGradient += stride;
  }
}

function fourValues(entry: usize, outputGradient: usize, w: usize, stride: usize): void {
  let w0 = w + <usize>load<u32>(entry) * stride,
    w1 = w + <usize>load<u32>(entry, 8) * stride,
    w2 = w + <usize>load<u32>(entry, 16) * stride,
    w3 = w + <usize>load<u32>(entry, 24) * stride;
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  const vectorsEnd = outputGradient + (stride & ~15);
  const end = outputGradient + stride;
  for (; outputGradient < vectorsEnd; outputGradient += 16) {
    const g = v128.load(outputGradient);
    s0 = f32x4.add(s0, f32x4.mul(g, v128.load(w0)));
    s1 = f32x4.add(s1, f32x4.mul(g, v128.load(w1)));
    s2 = f32x4.add(s2, f32x4.mul(g, v128.load(w2)));
    s3 = f32x4.add(s3, f32x4.mul(g, v128.load(w3)));
    w0 += 16;
    w1 += 16;
    w2 += 16;
    w3 += 16;
  }
  let t0 = horizontalSum(s0), t1 = horizontalSum(s1), t2 = horizontalSum(s2), t3 = horizontalSum(s3);
  for (; outputGradient < end; outputGradient += 4) {
    const g = load<f32>(outputGradient);
    t0 += g * load<f32>(w0);
    t1 += g * load<f32>(w1);
    t2 += g * load<f32>(w2);
    t3 += g * load<f32>(w3);
    w0 += 4;
    w1 += 4;
    w2 += 4;
    w3 += 4;
  }
  store<f32>(entry, t0, 4);
  store<f32>(entry, t1, 12);
  store<f32>(entry, t2, 20);
  store<f32>(entry, t3, 28);
}
