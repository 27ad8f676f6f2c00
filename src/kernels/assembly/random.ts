// Random numbers on four lanes: xoshiro128+ (Blackman & Vigna 2021, arXiv 1805.01407). The state lies in memory, 64
// bytes, the four words of lane k at offset 4k of each v128. The lanes are 2⁶⁴ draws of one sequence apart. Its low bits
// are weak; only the upper 24 of each draw are used. Everything comes from integers and + − × ÷ √, the same on every
// engine.

import { log4 } from './logarithm';
import { cosOfHalfPi4, sinOfHalfPi4 } from './lane-trigonometry';

// The polynomial that advances xoshiro128 by 2⁶⁴ draws.
const jump0: u32 = 0x8764000b, jump1: u32 = 0xf542d2d3, jump2: u32 = 0x6fa035c3, jump3: u32 = 0x77f2db5b;

/** Writes a state whose first lane begins with these words, which must not all be 0. */
export function seedRandom(state: usize, word0: u32, word1: u32, word2: u32, word3: u32): void {
  for (let lane: usize = 0; lane < 4; lane++) {
    const to = state + (lane << 2);
    store<u32>(to, word0);
    store<u32>(to, word1, 16);
    store<u32>(to, word2, 32);
    store<u32>(to, word3, 48);
    let sum0: u32 = 0, sum1: u32 = 0, sum2: u32 = 0, sum3: u32 = 0;
    for (let bit: u32 = 0; bit < 128; bit++) {
      const jump = bit < 32 ? jump0 : bit < 64 ? jump1 : bit < 96 ? jump2 : jump3;
      if ((jump >> (bit & 31)) & 1) {
        sum0 ^= word0;
        sum1 ^= word1;
        sum2 ^= word2;
        sum3 ^= word3;
      }
      const shifted = word1 << 9;
      word2 ^= word0;
      word3 ^= word1;
      word1 ^= word2;
      word0 ^= word3;
      word2 ^= shifted;
      word3 = rotl<u32>(word3, 11);
    }
    word0 = sum0;
    word1 = sum1;
    word2 = sum2;
    word3 = sum3;
  }
}

/** Four draws of 32 bits. */
// @ts-ignore: decorator
@inline
function draw4(state: usize): v128 {
  let s0 = v128.load(state), s1 = v128.load(state, 16), s2 = v128.load(state, 32), s3 = v128.load(state, 48);
  const drawn = i32x4.add(s0, s3);
  const shifted = i32x4.shl(s1, 9);
  s2 = v128.xor(s2, s0);
  s3 = v128.xor(s3, s1);
  s1 = v128.xor(s1, s2);
  s0 = v128.xor(s0, s3);
  s2 = v128.xor(s2, shifted);
  s3 = v128.or(i32x4.shl(s3, 11), i32x4.shr_u(s3, 21));
  v128.store(state, s0);
  v128.store(state, s1, 16);
  v128.store(state, s2, 32);
  v128.store(state, s3, 48);
  return drawn;
}

/** Writes the first `count` ≤ 4 lanes. */
// @ts-ignore: decorator
@inline
function storeLanes(to: usize, lanes: v128, count: usize): void {
  if (count > 0) store<f32>(to, f32x4.extract_lane(lanes, 0));
  if (count > 1) store<f32>(to, f32x4.extract_lane(lanes, 1), 4);
  if (count > 2) store<f32>(to, f32x4.extract_lane(lanes, 2), 8);
  if (count > 3) store<f32>(to, f32x4.extract_lane(lanes, 3), 12);
}

/** x[count] from U[0, 1), multiples of 2⁻²⁴. A call draws whole vectors and drops what is left of the last. */
export function drawUniform(x: usize, count: usize, state: usize): void {
  const scale = f32x4.splat(<f32>(1.0 / 16777216.0));
  const vectorsEnd = x + ((count & ~3) << 2);
  for (; x < vectorsEnd; x += 16) {
    v128.store(x, f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(draw4(state), 8)), scale));
  }
  if ((count & 3) === 0) return;
  storeLanes(x, f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(draw4(state), 8)), scale), count & 3);
}

// A radius √(−2 ln u) from one draw and a direction from another (Box & Muller 1958). The direction is an angle within
// ±π/4 of the x axis (22 bits), mirrored at the diagonal by one bit and at the origin by another.

// @ts-ignore: decorator
@inline
function radiusOf(drawn: v128): v128 {
  // u in (0, 1], a multiple of 2⁻²⁴: the largest radius is 5.77.
  const count = f32x4.convert_i32x4_s(i32x4.add(i32x4.shr_u(drawn, 8), i32x4.splat(1)));
  const u = f32x4.mul(count, f32x4.splat(<f32>(1.0 / 16777216.0)));
  return f32x4.sqrt(f32x4.mul(f32x4.splat(-2), log4(u)));
}

// @ts-ignore: decorator
@inline
function angleOf(drawn: v128): v128 {
  // In units of π/2, from −½ to ½ and never 0, so that the two ends weigh the same.
  const bits = i32x4.shr_u(i32x4.shl(drawn, 2), 10);
  const centred = f32x4.add(f32x4.convert_i32x4_s(bits), f32x4.splat(0.5 - 2097152));
  return f32x4.mul(centred, f32x4.splat(<f32>(1.0 / 4194304.0)));
}

/**
 * x[count] from the standard normal distribution. A call draws eight at a time and drops what is left of the last.
 */
export function drawGaussian(x: usize, count: usize, state: usize): void {
  const end = x + (count << 2);
  const sign = i32x4.splat(0x80000000);
  for (; x < end; x += 32) {
    const radius = radiusOf(draw4(state));
    const drawn = draw4(state);
    const angle = angleOf(drawn);
    const signedRadius = v128.xor(radius, v128.and(drawn, sign));
    const along = f32x4.mul(signedRadius, cosOfHalfPi4(angle));
    const across = f32x4.mul(signedRadius, sinOfHalfPi4(angle));
    const isMirrored = i32x4.shr_s(i32x4.shl(drawn, 1), 31);
    const first = v128.bitselect(across, along, isMirrored);
    const second = v128.bitselect(along, across, isMirrored);
    const left = (end - x) >> 2;
    if (left >= 8) {
      v128.store(x, first);
      v128.store(x, second, 16);
    } else {
      storeLanes(x, first, left);
      if (left > 4) storeLanes(x + 16, second, left - 4);
    }
  }
}
