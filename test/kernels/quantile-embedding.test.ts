import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nonZeroListBytes } from '#marlin/kernels/kernels.js';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { product, uniformStream, uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;
const extent = fc.integer({ min: 1, max: 7 });
const width = fc.integer({ min: 1, max: 41 });

describe('cosine features', () => {
  it('are cos(πiτ), for any count', () => {
    fc.assert(
      fc.property(extent, width, fc.integer(), (count, columns, seed) => {
        memory.reset();
        const tau = Float32Array.from({ length: count }, uniformStream(seed));
        const features = memory.f32([...new Float32Array(count * columns), 12345]);
        kernels.cosineFeatures(features, memory.f32(tau), count, columns);
        const expected = Array.from(tau).flatMap((fraction) =>
          Array.from({ length: columns }, (_, index) => Math.cos(Math.PI * (index + 1) * fraction)),
        );
        const tolerance = { relative: 0, absolute: 2.5e-7 };
        expect(differenceOf(memory.floats(features, count * columns), expected, tolerance)).toBeUndefined();
        expect(memory.floats(features + count * columns * 4, 1)[0]).toBe(12345);
      }),
    );
  });

  it('stay as accurate at both ends and at high frequencies', () => {
    memory.reset();
    const columns = 4096;
    const tau = Float32Array.of(0, 2 ** -24, 0.1, 0.5, 0.999, 1 - 2 ** -24, 1);
    const features = memory.room(tau.length * columns * 4);
    kernels.cosineFeatures(features, memory.f32(tau), tau.length, columns);
    const expected = Array.from(tau).flatMap((fraction) =>
      Array.from({ length: columns }, (_, index) => Math.cos(Math.PI * (((index + 1) * fraction) % 2))),
    );
    const tolerance = { relative: 0, absolute: 1e-6 };
    expect(differenceOf(memory.floats(features, expected.length), expected, tolerance)).toBeUndefined();
  });
});

/** The dense matrix of a list of non-zeros. */
function denseOf(list: number, rows: number, columns: number): Float32Array {
  const dense = new Float32Array(rows * columns);
  const starts = new Int32Array(memory.buffer, list, rows + 1);
  const entries = list + (rows + 2 - (rows % 2)) * 4;
  for (let row = 0; row < rows; row++) {
    for (let entry = starts[row] ?? 0; entry < (starts[row + 1] ?? 0); entry++) {
      const [column = 0] = new Int32Array(memory.buffer, entries + entry * 8, 1);
      const [value = 0] = new Float32Array(memory.buffer, entries + entry * 8 + 4, 1);
      dense[row * columns + column] = value;
    }
  }
  return dense;
}

/** Outputs of a ReLU: about half of them 0. */
function rectified(count: number, seed: number): Float32Array {
  return uniformValues(count, seed).map((value) => Math.max(0, value));
}

const cases = fc.record({ groups: extent, repeats: extent, columns: width, outputs: width, seed: fc.integer() });

describe('the embedding', () => {
  it('is computed where features are not 0, and nothing else is written', () => {
    const counts = fc.record({ groups: extent, repeats: extent, columns: width, count: width, seed: fc.integer() });
    fc.assert(
      fc.property(counts, ({ groups, repeats, columns, count, seed }) => {
        memory.reset();
        const rows = groups * repeats;
        const features = rectified(groups * columns, seed);
        const cosines = uniformValues(rows * count, seed + 1);
        const w = uniformValues(columns * count, seed + 2);
        const bias = uniformValues(columns, seed + 3);
        const embedding = memory.f32(new Float32Array(rows * columns + 1).fill(12345));
        const active = memory.room(columns * 4);
        const [h, x] = [memory.f32(features), memory.f32(cosines)];
        const [weights, biases] = [memory.f32(w), memory.f32(bias)];
        kernels.embedActive(embedding, x, weights, biases, h, groups, repeats, columns, count, active);
        const left = { values: cosines, rows, columns: count };
        const sums = product(left, { values: w, rows: count, columns, transposed: true });
        const expected = sums.map((sum, index) => {
          const column = index % columns;
          const feature = features[Math.floor(index / (repeats * columns)) * columns + column];
          return feature === 0 ? 12345 : Math.max(0, sum + (bias[column] ?? 0));
        });
        const tolerance = { relative: 1e-5, absolute: 1e-6 * (1 + count / 8) };
        const computed = memory.floats(embedding, rows * columns + 1);
        expect(differenceOf(computed, [...expected, 12345], tolerance)).toBeUndefined();
      }),
    );
  });

  it('is NaN where a cosine is', () => {
    memory.reset();
    const embedding = memory.room(8);
    const [one, twice] = [memory.f32([1]), memory.f32([1, 1])];
    kernels.embedActive(embedding, memory.f32([Number.NaN]), twice, twice, twice, 1, 1, 2, 1, memory.room(8));
    expect([...memory.floats(embedding, 2)]).toEqual([Number.NaN, Number.NaN]);
    kernels.embedActive(embedding, one, twice, twice, twice, 1, 1, 2, 1, memory.room(8));
    expect([...memory.floats(embedding, 2)]).toEqual([2, 2]);
  });
});

describe('products of features and embeddings', () => {
  it('are listed where they are not 0', () => {
    fc.assert(
      fc.property(cases, ({ groups, repeats, columns, seed }) => {
        memory.reset();
        const rows = groups * repeats;
        const features = rectified(groups * columns, seed);
        const embedding = rectified(rows * columns, seed + 1);
        const list = memory.room(nonZeroListBytes(rows, columns, rows * columns));
        const canary = memory.f32([12345]);
        const active = memory.room(columns * 4);
        kernels.listProducts(list, memory.f32(features), memory.f32(embedding), groups, repeats, columns, active);
        const expected = embedding.map((value, index) => {
          const group = Math.floor(index / (repeats * columns));
          return value * (features[group * columns + (index % columns)] ?? 0);
        });
        expect(denseOf(list, rows, columns)).toEqual(expected);
        const listed = new Int32Array(memory.buffer, list, rows + 1)[rows];
        expect(listed).toBe(expected.filter((value) => value !== 0).length);
        expect(memory.floats(canary, 1)[0]).toBe(12345);
      }),
    );
  });

  it('fit their room where none is 0, and are listed where they are NaN', () => {
    memory.reset();
    const [groups, repeats, columns] = [2, 3, 5];
    const rows = groups * repeats;
    const list = memory.room(nonZeroListBytes(rows, columns, rows * columns));
    const canary = memory.f32([12345]);
    const features = memory.f32(new Float32Array(groups * columns).fill(Number.NaN));
    const embedding = memory.f32(new Float32Array(rows * columns));
    kernels.listProducts(list, features, embedding, groups, repeats, columns, memory.room(columns * 4));
    expect(new Int32Array(memory.buffer, list, rows + 1)[rows]).toBe(rows * columns);
    expect(memory.floats(canary, 1)[0]).toBe(12345);
  });

  it('hand gradients on to both factors and the bias of the embedding', () => {
    fc.assert(
      fc.property(cases, ({ groups, repeats, columns, outputs, seed }) => {
        memory.reset();
        const rows = groups * repeats;
        const features = rectified(groups * columns, seed);
        const embedding = rectified(rows * columns, seed + 1);
        const w = uniformValues(columns * outputs, seed + 2);
        const upstream = uniformValues(rows * outputs, seed + 3);
        const list = memory.room(nonZeroListBytes(rows, columns, rows * columns));
        const active = memory.room(columns * 4);
        const [h, phi] = [memory.f32(features), memory.f32(embedding)];
        const featureGradient = memory.f32([...uniformValues(groups * columns, 9), 12345]);
        const biasGradient = memory.f32([...uniformValues(columns, 9), 12345]);
        kernels.listProducts(list, h, phi, groups, repeats, columns, active);
        kernels.sparseValueGradient(list, memory.f32(upstream), memory.f32(w), rows, outputs);
        const left = { values: upstream, rows, columns: outputs };
        const whole = product(left, { values: w, rows: outputs, columns, transposed: true });
        const isListed = (row: number, column: number) => {
          const group = Math.floor(row / repeats);
          return (features[group * columns + column] ?? 0) * (embedding[row * columns + column] ?? 0) !== 0;
        };
        const values = whole.map((value, index) =>
          isListed(Math.floor(index / columns), index % columns) ? value : 0,
        );
        const tolerance = { relative: 1e-5, absolute: 1e-6 * (1 + outputs / 8) };
        expect(differenceOf(denseOf(list, rows, columns), values, tolerance)).toBeUndefined();

        kernels.productGradient(list, featureGradient, biasGradient, h, phi, groups, repeats, columns);
        const expectedFeatures = new Float64Array(groups * columns);
        const expectedBias = new Float64Array(columns);
        const expectedEmbedding = values.map((value, index) => {
          const column = index % columns;
          const at = Math.floor(index / (repeats * columns)) * columns + column;
          const before = value * (features[at] ?? 0);
          expectedFeatures[at] = (expectedFeatures[at] ?? 0) + value * (embedding[index] ?? 0);
          expectedBias[column] = (expectedBias[column] ?? 0) + before;
          return before;
        });
        expect(differenceOf(denseOf(list, rows, columns), expectedEmbedding, tolerance)).toBeUndefined();
        const computed = memory.floats(featureGradient, groups * columns);
        expect(differenceOf(computed, expectedFeatures, tolerance)).toBeUndefined();
        expect(differenceOf(memory.floats(biasGradient, columns), expectedBias, tolerance)).toBeUndefined();
        expect(memory.floats(featureGradient + groups * columns * 4, 1)[0]).toBe(12345);
        expect(memory.floats(biasGradient + columns * 4, 1)[0]).toBe(12345);
      }),
    );
  });
});

it('takes means over groups of rows', () => {
  fc.assert(
    fc.property(cases, ({ groups, repeats, columns, seed }) => {
      memory.reset();
      const x = uniformValues(groups * repeats * columns, seed);
      const y = memory.f32([...new Float32Array(groups * columns), 12345]);
      kernels.groupMeans(y, memory.f32(x), groups, repeats, columns);
      const expected = new Float64Array(groups * columns);
      x.forEach((value, index) => {
        const at = Math.floor(index / (repeats * columns)) * columns + (index % columns);
        expected[at] = (expected[at] ?? 0) + value / repeats;
      });
      expect(differenceOf(memory.floats(y, groups * columns), expected)).toBeUndefined();
      expect(memory.floats(y + groups * columns * 4, 1)[0]).toBe(12345);
    }),
  );
});
