// Rows picked from a ring, and the frame stack of an actor. A call a row (memory.copy) would cost more than the row, so
// rows are moved by v128 with an overlapping tail: nothing outside a row is read or written.

// @ts-ignore: decorator
@inline
function copySixtyFour(to: usize, from: usize): void {
  const x0 = v128.load(from), x1 = v128.load(from, 16), x2 = v128.load(from, 32), x3 = v128.load(from, 48);
  v128.store(to, x0);
  v128.store(to, x1, 16);
  v128.store(to, x2, 32);
  v128.store(to, x3, 48);
}

/**
 * Copies one row of `bytes` ≥ 16. What a loop of 128 bytes leaves is taken apart by halves: the engine's check in each
 * turn of a loop costs as much as the copy of 16 bytes.
 */
// @ts-ignore: decorator
@inline
function copyRow(to: usize, from: usize, bytes: usize): void {
  const last = v128.load(from + bytes - 16);
  const toLast = to + bytes - 16;
  for (; bytes >= 128; bytes -= 128) {
    copySixtyFour(to, from);
    copySixtyFour(to + 64, from + 64);
    from += 128;
    to += 128;
  }
  if (bytes & 64) {
    copySixtyFour(to, from);
    from += 64;
    to += 64;
  }
  if (bytes & 32) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    from += 32;
    to += 32;
  }
  if (bytes & 16) v128.store(to, v128.load(from));
  v128.store(toLast, last);
}

/**
 * destination[i] = source[positions[i]] for i < count: rows of `rowBytes` bytes each, written one after another.
 * @param positions i32 [count]: numbers of rows in `source`; a negative one writes zeros
 */
export function gatherRows(destination: usize, source: usize, rowBytes: usize, positions: usize, count: usize): void {
  const end = positions + (count << 2);
  for (; positions < end; positions += 4) {
    const position = load<i32>(positions);
    const from = source + <usize>position * rowBytes;
    if (position < 0) memory.fill(destination, 0, rowBytes);
    else if (rowBytes >= 16) copyRow(destination, from, rowBytes);
    else for (let at: usize = 0; at < rowBytes; at++) store<u8>(destination + at, load<u8>(from + at));
    destination += rowBytes;
  }
}

/** Eight bytes become eight floats. They fit signed integers too, whose conversion is one instruction and not many. */
// @ts-ignore: decorator
@inline
function widenEight(to: usize, from: usize, scale: v128): void {
  const words = v128.load_ext<u8>(from);
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(words)), scale));
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(words)), scale), 16);
}

// @ts-ignore: decorator
@inline
function widenRow(to: usize, from: usize, size: usize, scale: f32, scales: v128): void {
  if (size < 8) {
    for (let at: usize = 0; at < size; at++) store<f32>(to + (at << 2), <f32>load<u8>(from + at) * scale);
    return;
  }
  const last = size - 8;
  for (let at: usize = 0; at < last; at += 8) widenEight(to + (at << 2), from + at, scales);
  widenEight(to + (last << 2), from + last, scales);
}

/**
 * destination[i] = scale · source[positions[i]] for i < count, u8 rows of `size` values becoming f32 rows.
 * @param positions i32 [count]: numbers of rows in `source`; a negative one writes zeros
 */
export function gatherRowsU8ToF32(
  destination: usize,
  source: usize,
  size: usize,
  positions: usize,
  count: usize,
  scale: f32,
): void {
  const scales = f32x4.splat(scale);
  const end = positions + (count << 2);
  for (; positions < end; positions += 4) {
    const position = load<i32>(positions);
    if (position < 0) memory.fill(destination, 0, size << 2);
    else widenRow(destination, source + <usize>position * size, size, scale, scales);
    destination += size << 2;
  }
}

// @ts-ignore: decorator
@inline
function scaleRow(to: usize, from: usize, size: usize, scale: f32): void {
  const scales = f32x4.splat(scale);
  const whole = size & ~3;
  for (let at: usize = 0; at < whole; at += 4) {
    v128.store(to + (at << 2), f32x4.mul(v128.load(from + (at << 2)), scales));
  }
  for (let at = whole; at < size; at++) store<f32>(to + (at << 2), load<f32>(from + (at << 2)) * scale);
}

/** The same for f32 rows. */
export function gatherRowsF32(
  destination: usize,
  source: usize,
  size: usize,
  positions: usize,
  count: usize,
  scale: f32,
): void {
  if (scale === 1) {
    gatherRows(destination, source, size << 2, positions, count);
    return;
  }
  const end = positions + (count << 2);
  for (; positions < end; positions += 4) {
    const position = load<i32>(positions);
    if (position < 0) memory.fill(destination, 0, size << 2);
    else scaleRow(destination, source + <usize>position * (size << 2), size, scale);
    destination += size << 2;
  }
}

/** stack f32 [frames, size], oldest first: drops the oldest frame and appends scale · observation u8 [size]. */
export function pushFrameU8(stack: usize, observation: usize, frames: usize, size: usize, scale: f32): void {
  const older = ((frames - 1) * size) << 2;
  memory.copy(stack, stack + (size << 2), older);
  widenRow(stack + older, observation, size, scale, f32x4.splat(scale));
}

/** The same for an observation in f32 [size]. */
export function pushFrameF32(stack: usize, observation: usize, frames: usize, size: usize, scale: f32): void {
  const older = ((frames - 1) * size) << 2;
  memory.copy(stack, stack + (size << 2), older);
  scaleRow(stack + older, observation, size, scale);
}
