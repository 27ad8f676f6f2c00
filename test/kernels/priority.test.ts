import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { uniformStream } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

/** A power in single precision: the error of the logarithm counts as often as it is multiplied. */
const powers = { relative: 1e-5, absolute: 1e-37 };

function leavesOf(errors: ArrayLike<number>, floor: number, exponent: number): Float32Array {
  memory.reset();
  const leaves = memory.f32(new Float32Array(errors.length + 1).fill(12345), 1);
  kernels.priorityLeaves(leaves, memory.f32(errors, 3), errors.length, floor, exponent);
  expect(memory.floats(leaves + errors.length * 4, 1)[0]).toBe(12345);
  return memory.floats(leaves, errors.length);
}

function weightsOf(leaves: ArrayLike<number>, correction: number): Float32Array {
  memory.reset();
  const weights = memory.f32(new Float32Array(leaves.length + 1).fill(12345), 1);
  kernels.importanceWeights(weights, memory.f32(leaves, 3), leaves.length, correction);
  expect(memory.floats(weights + leaves.length * 4, 1)[0]).toBe(12345);
  return memory.floats(weights, leaves.length);
}

/** Sizes from 1e-15 to 1e15, each as likely as the next. */
function sizes(count: number, seed: number): Float32Array {
  const uniform = uniformStream(seed);
  return Float32Array.from({ length: count }, () => 10 ** (30 * uniform() - 15));
}

describe('leaves', () => {
  it('are (|error| + floor)^exponent', () => {
    const exponents = fc.constantFrom(0, 0.1, 0.5, 0.6, 1);
    const property = fc.property(fc.integer({ min: 1, max: 40 }), exponents, fc.integer(), (count, exponent, seed) => {
      const uniform = uniformStream(seed + 1);
      const errors = sizes(count, seed).map((size) => (uniform() < 0.5 ? -size : size));
      const floor = Math.fround(1e-6);
      const expected = Float64Array.from(errors, (error) => Math.fround(Math.abs(error) + floor) ** exponent);
      expect(differenceOf(leavesOf(errors, floor, exponent), expected, powers)).toBeUndefined();
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('are never 0 or infinite, but NaN where the error is', () => {
    const errors = [0, 1e-45, 3.4e38, Infinity, 1, 0];
    for (const exponent of [0, 0.6, 1]) {
      const leaves = [...leavesOf(errors, 1e-45, exponent)];
      expect(leaves.every((leaf) => leaf > 1e-38 && leaf < Infinity)).toBe(true);
    }
    expect([...leavesOf([1, Number.NaN, 1, 1, Number.NaN], 0.5, 0.6)].map(Number.isNaN)).toEqual([
      false,
      true,
      false,
      false,
      true,
    ]);
  });
});

describe('importance weights', () => {
  it('are (N · P)^−β over the largest, whatever N and the sum behind P', () => {
    const corrections = fc.constantFrom(0, 0.4, 0.7, 1);
    const property = fc.property(fc.integer({ min: 1, max: 40 }), corrections, fc.integer(), (count, beta, seed) => {
      const leaves = sizes(count, seed);
      const raw = Array.from(leaves, (leaf) => (1e4 * (leaf / 1e20)) ** -beta);
      const expected = raw.map((weight) => weight / Math.max(...raw));
      expect(differenceOf(weightsOf(leaves, beta), expected, powers)).toBeUndefined();
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('are exactly 1 where all leaves are equal', () => {
    expect([...weightsOf([7, 7, 7, 7, 7], 0.4)]).toEqual([1, 1, 1, 1, 1]);
  });
});
