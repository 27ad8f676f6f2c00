import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { nonZeroListBytes } from '#marlin/kernels/kernels.js';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { product, uniformStream, uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

/** Values of which about `density` are not 0. */
function sparseValues(count: number, density: number, seed: number): Float32Array {
  const uniform = uniformStream(seed);
  return uniformValues(count, seed + 1).map((value) => (uniform() < density ? value : 0));
}

const cases = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  columns: fc.integer({ min: 1, max: 70 }),
  outputs: fc.integer({ min: 1, max: 70 }),
  density: fc.constantFrom(0, 0.05, 0.5, 1),
  seed: fc.integer(),
});

it('computes the layer and its weight gradient from the list of non-zeros', () => {
  fc.assert(
    fc.property(cases, ({ rows, columns, outputs, density, seed }) => {
      const x = sparseValues(rows * columns, density, seed);
      const w = uniformValues(columns * outputs, seed + 2);
      const outputGradient = uniformValues(rows * outputs, seed + 3);
      const count = x.filter((value) => value !== 0).length;
      memory.reset();
      const list = memory.room(nonZeroListBytes(rows, columns, count));
      const canary = memory.f32([54321]);
      const y = memory.f32([...new Float32Array(rows * outputs), 12345]);
      const gradient = memory.f32([...uniformValues(columns * outputs, seed), 12345]);
      expect(kernels.listNonZeros(list, memory.f32(x), rows, columns, count)).toBe(count);
      kernels.sparseForward(y, list, memory.f32(w), rows, outputs);
      kernels.sparseWeightGradient(gradient, list, memory.f32(outputGradient), rows, columns, outputs);

      const input = { values: x, rows, columns };
      const forward = product(input, { values: w, rows: columns, columns: outputs });
      const inputTransposed = { values: x, rows: columns, columns: rows, transposed: true };
      const backward = product(inputTransposed, { values: outputGradient, rows, columns: outputs });
      // Errors of f32 sums grow with the number of terms; terms here are below 1.
      const tolerance = { relative: 1e-5, absolute: 1e-7 * (columns + rows) };
      expect(differenceOf(memory.floats(y, rows * outputs), forward, tolerance)).toBeUndefined();
      expect(differenceOf(memory.floats(gradient, columns * outputs), backward, tolerance)).toBeUndefined();
      expect(memory.floats(y + rows * outputs * 4, 1)[0]).toBe(12345);
      expect(memory.floats(gradient + columns * outputs * 4, 1)[0]).toBe(12345);
      expect(memory.floats(canary, 1)[0]).toBe(54321);
    }),
    { numRuns: 200 },
  );
});

it('refuses a list longer than its limit without writing past its room', () => {
  memory.reset();
  const [rows, columns, limit] = [6, 21, 30];
  const list = memory.room(nonZeroListBytes(rows, columns, limit));
  const canary = memory.f32([54321]);
  const x = memory.f32(uniformValues(rows * columns, 3));
  expect(kernels.listNonZeros(list, x, rows, columns, limit)).toBe(-1);
  expect(memory.floats(canary, 1)[0]).toBe(54321);
});

it('lists NaN, so that it reaches the loss', () => {
  memory.reset();
  const list = memory.room(nonZeroListBytes(1, 5, 5));
  expect(kernels.listNonZeros(list, memory.f32([0, 0, Number.NaN, 0, Number.NaN]), 1, 5, 5)).toBe(2);
});
