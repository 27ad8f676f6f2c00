import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gemmScratchBytes } from '#marlin/kernels/kernels.js';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { product, uniformValues } from './reference.js';
import type { Matrix } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

interface Case {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly seed: number;
  readonly accumulate: boolean;
  /** Floats by which operands miss a 16-byte boundary. */
  readonly shift: number;
}

const variants = {
  gemmNT: { kernel: kernels.gemmNT, aTransposed: false, bTransposed: true },
  gemmNN: { kernel: kernels.gemmNN, aTransposed: false, bTransposed: false },
  gemmTN: { kernel: kernels.gemmTN, aTransposed: true, bTransposed: false },
};

/** Errors of f32 sums grow with the number of terms; terms here are below 1. */
function toleranceOf(k: number) {
  return { relative: 1e-5, absolute: 1e-7 * (k + 1) };
}

function differenceOfVariant(name: keyof typeof variants, { m, n, k, seed, accumulate, shift }: Case) {
  const { kernel, aTransposed, bTransposed } = variants[name];
  const left: Matrix = { values: uniformValues(m * k, seed), rows: m, columns: k, transposed: aTransposed };
  const right: Matrix = { values: uniformValues(k * n, seed + 1), rows: k, columns: n, transposed: bTransposed };
  const before = uniformValues(m * n, seed + 2);
  memory.reset();
  const a = memory.f32(left.values, shift);
  const b = memory.f32(right.values, shift);
  const c = memory.f32([...before, 12345], shift);
  const scratch = memory.room(gemmScratchBytes(n, k));
  const canary = memory.f32([54321]);
  kernel(c, a, b, m, n, k, accumulate ? 1 : 0, scratch);
  const expected = product(left, right).map((value, index) => value + (accumulate ? (before[index] ?? 0) : 0));
  if (memory.floats(c + m * n * 4, 1)[0] !== 12345) return 'wrote behind the result';
  if (memory.floats(canary, 1)[0] !== 54321) return 'wrote behind the scratch memory';
  return differenceOf(memory.floats(c, m * n), expected, toleranceOf(k));
}

const sizes = fc.record({
  m: fc.integer({ min: 1, max: 40 }),
  n: fc.integer({ min: 1, max: 40 }),
  k: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 250, max: 270 })),
  seed: fc.integer(),
  accumulate: fc.boolean(),
  shift: fc.integer({ min: 0, max: 3 }),
});

describe.each(['gemmNT', 'gemmNN', 'gemmTN'] as const)('%s', (name) => {
  it('is the matrix product for any size, alignment and accumulation', () => {
    fc.assert(
      fc.property(sizes, (sample) => {
        expect(differenceOfVariant(name, sample)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [1, 1, 1],
    [4, 8, 256],
    [5, 9, 257],
    [33, 7, 513],
    [64, 64, 750],
  ])('is the matrix product at %i × %i × %i', (m, n, k) => {
    for (const accumulate of [false, true]) {
      expect(differenceOfVariant(name, { m, n, k, seed: 7, accumulate, shift: 1 })).toBeUndefined();
    }
  });
});

it('reads nothing behind its operands: at the end of memory that would trap', () => {
  const { length } = new Uint8Array(memory.buffer);
  for (const [m, n, k] of [
    [5, 7, 3],
    [9, 13, 6],
    [6, 1, 258],
  ] as const) {
    for (const { kernel } of Object.values(variants)) {
      memory.reset();
      const [other, c, scratch] = [
        memory.room(m * k * 4 + n * k * 4),
        memory.room(m * n * 4),
        memory.room(gemmScratchBytes(n, k)),
      ];
      expect(() => kernel(c, length - m * k * 4, other, m, n, k, 0, scratch)).not.toThrow();
      expect(() => kernel(c, other, length - n * k * 4, m, n, k, 0, scratch)).not.toThrow();
    }
    expect(() =>
      kernels.smallBatchNT(memory.reset().room(m * n * 4), 2 ** 20, length - n * k * 4, 3, n, k),
    ).not.toThrow();
  }
});

it('multiplies a few rows by dot products', () => {
  fc.assert(
    fc.property(sizes, ({ m, n, k, seed, shift }) => {
      const rows = 1 + (m % 3);
      const x: Matrix = { values: uniformValues(rows * k, seed), rows, columns: k };
      const w: Matrix = { values: uniformValues(n * k, seed + 1), rows: k, columns: n, transposed: true };
      memory.reset();
      const y = memory.f32([...new Float32Array(rows * n), 12345]);
      kernels.smallBatchNT(y, memory.f32(x.values, shift), memory.f32(w.values, shift), rows, n, k);
      expect(differenceOf(memory.floats(y, rows * n), product(x, w), toleranceOf(k))).toBeUndefined();
      expect(memory.floats(y + rows * n * 4, 1)[0]).toBe(12345);
    }),
  );
});
