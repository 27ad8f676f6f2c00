import { describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { ObservationNormalizer, planMoments, planNormalizer } from '#marlin/network/observation-normalizer.js';
import { ParameterLayout } from '#marlin/network/parameter-layout.js';
import { differenceOf } from '../kernels/difference.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { uniformValues } from '../kernels/reference.js';

function makeNormalizer(size: number, frames: number) {
  const memory = new KernelMemory();
  const layout = new ParameterLayout();
  layout.reserve('trained', [3]);
  const plan = planNormalizer(layout, size, frames);
  const parameters = memory.room(layout.count * 4);
  const state = new Layout();
  planMoments(state, plan);
  const moments = memory.room(state.end);
  const normalizer = new ObservationNormalizer(plan, memory.kernels);
  normalizer.initialize(parameters, moments);
  return { memory, parameters, moments, normalizer };
}

/** Mean and deviation of one column, over rows of `size`. */
function momentsOf(rows: readonly number[][], column: number): { mean: number; deviation: number } {
  const values = rows.map((row) => row[column] ?? Number.NaN);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

/** Rows of which each column has a mean and a deviation of its own. */
function rowsOf(count: number, size: number, seed: number): number[][] {
  const values = uniformValues(count * size, seed);
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: size }, (__, column) =>
      Math.fround((values[row * size + column] ?? 0) * (column + 1) + 10 * column),
    ),
  );
}

describe.each([
  [1, 1],
  [4, 1],
  [7, 3],
])('observations of %d values, %d frames', (size, frames) => {
  it('pass as they are before anything was gathered', () => {
    const { memory, parameters, normalizer } = makeNormalizer(size, frames);
    const values = uniformValues(2 * frames * size, 1);
    const inputs = memory.f32(values);
    normalizer.normalize(parameters, inputs, inputs, 2);
    expect(memory.floats(inputs, values.length)).toEqual(values);
  });

  it('have the mean and deviation of all newest frames gathered, in any portions', () => {
    const { memory, parameters, moments, normalizer } = makeNormalizer(size, frames);
    const rows = rowsOf(60, size, 2);
    for (const [first, end] of [
      [0, 1],
      [1, 40],
      [40, 60],
    ]) {
      // Older frames are of other numbers: they have been gathered when they were new.
      const older = Array.from({ length: (frames - 1) * size }, () => 1e6);
      const stacked = rows.slice(first, end).flatMap((row) => older.concat(row));
      normalizer.absorb(moments, memory.f32(stacked), end - first);
    }
    normalizer.settle(parameters, moments);
    const [row] = rows;
    const inputs = memory.f32(Array.from({ length: frames }, () => row).flat());
    const output = memory.room(frames * size * 4);
    normalizer.normalize(parameters, output, inputs, 1);
    const expected = Array.from({ length: frames * size }, (_, index) => {
      const { mean, deviation } = momentsOf(rows, index % size);
      return ((row[index % size] ?? Number.NaN) - mean) / deviation;
    });
    const tolerance = { relative: 1e-4, absolute: 1e-5 };
    expect(differenceOf(memory.floats(output, frames * size), expected, tolerance)).toBeUndefined();
  });

  it('stay within bounds, also where a value never varied', () => {
    const { memory, parameters, moments, normalizer } = makeNormalizer(size, frames);
    const constant = new Float32Array(5 * frames * size).fill(3);
    normalizer.absorb(moments, memory.f32(constant), 5);
    normalizer.settle(parameters, moments);
    const inputs = memory.f32(
      new Float32Array(2 * frames * size).fill(1e9, frames * size).fill(-1e9, 0, frames * size),
    );
    normalizer.normalize(parameters, inputs, inputs, 2);
    const output = memory.floats(inputs, 2 * frames * size);
    expect([...output.subarray(0, frames * size)].every((value) => value === -10)).toBe(true);
    expect([...output.subarray(frames * size)].every((value) => value === 10)).toBe(true);
  });
});

describe('statistics', () => {
  it('lie behind what is trained, which is left alone', () => {
    const { memory, parameters, moments, normalizer } = makeNormalizer(2, 1);
    new Float32Array(memory.buffer, parameters, 3).set([7, 8, 9]);
    normalizer.absorb(moments, memory.f32([1, 2, 3, 4]), 2);
    normalizer.settle(parameters, moments);
    expect([...memory.floats(parameters, 5)]).toEqual([7, 8, 9, 2, 3]);
  });
});
