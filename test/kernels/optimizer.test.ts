import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;
const [beta1, beta2, epsilon, learningRate] = [0.9, 0.999, 1e-8, 1e-3];

/** `steps` steps of Adam in f64 on one value with the same gradient. */
function referenceAdam(parameter: number, gradient: number, steps: number): number {
  let [value, m, v] = [parameter, 0, 0];
  for (let step = 1; step <= steps; step++) {
    m = beta1 * m + (1 - beta1) * gradient;
    v = beta2 * v + (1 - beta2) * gradient * gradient;
    value -= (learningRate * (m / (1 - beta1 ** step))) / (Math.sqrt(v / (1 - beta2 ** step)) + epsilon);
  }
  return value;
}

it('takes Adam steps, for any count, and touches nothing else', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 21 }), fc.integer(), (count, seed) => {
      const parameters = uniformValues(count, seed);
      const gradients = uniformValues(count, seed + 1);
      const scale = 0.5;
      memory.reset();
      const moments = [
        memory.f32([...new Float32Array(count), 7]),
        memory.f32([...new Float32Array(count), 8]),
      ] as const;
      const p = memory.f32([...parameters, 9]);
      const g = memory.f32(gradients);
      for (let step = 1; step <= 3; step++) {
        const stepSize = learningRate / (1 - beta1 ** step);
        const correction = 1 / Math.sqrt(1 - beta2 ** step);
        kernels.adamStep(p, g, ...moments, count, scale, beta1, beta2, epsilon, stepSize, correction);
      }
      const expected = parameters.map((value, index) => referenceAdam(value, scale * (gradients[index] ?? 0), 3));
      const tolerance = { relative: 0, absolute: 0.01 * learningRate };
      expect(differenceOf(memory.floats(p, count), expected, tolerance)).toBeUndefined();
      const behind = [...moments, p].map((offset) => memory.floats(offset + count * 4, 1)[0]);
      expect(behind).toEqual([7, 8, 9]);
    }),
  );
});

it('lets moments that fade end at 0, never at a denormal', () => {
  memory.reset();
  const smallestNormal = 2 ** -126;
  const count = 7;
  const first = memory.f32([1e-3, -1e-3, 1e-20, -1e-30, 1e-37, 1e-3, -1e-37]);
  const second = memory.f32([1e-6, 1e-6, 1e-30, 1e-35, 2e-38, 1e-6, 2e-38]);
  const p = memory.f32(new Float32Array(count));
  const g = memory.f32(new Float32Array(count));
  for (let step = 0; step < 2_000; step++) {
    kernels.adamStep(p, g, first, second, count, 1, beta1, beta2, epsilon, learningRate, 1);
    const values = [...memory.floats(first, count), ...memory.floats(second, count)];
    expect(values.filter((value) => value !== 0 && Math.abs(value) < smallestNormal)).toEqual([]);
  }
  expect([...memory.floats(first, count)].map(Math.abs)).toEqual(Array.from({ length: count }, () => 0));
});

it('sums squares, and shows values that are not finite', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer(), (count, seed) => {
      const x = uniformValues(count, seed);
      memory.reset();
      const sum = kernels.sumOfSquares(memory.f32(x, 1), count);
      const expected = x.reduce((total, value) => total + value * value, 0);
      expect(differenceOf([sum], [expected])).toBeUndefined();
      x[seed >>> 0 === 0 ? 0 : (seed >>> 0) % count] = Number.NaN;
      expect(kernels.sumOfSquares(memory.f32(x), count)).toBeNaN();
    }),
  );
  memory.reset();
  expect(kernels.sumOfSquares(memory.f32([1, -Infinity]), 2)).toBe(Infinity);
});

it('moves the target softly', () => {
  memory.reset();
  const target = memory.f32([1, 2, 3, 4, 5, 99]);
  kernels.softUpdate(target, memory.f32([2, 2, 2, 2, 7]), 5, 0.25);
  expect(differenceOf(memory.floats(target, 6), [1.25, 2, 2.75, 3.5, 5.5, 99])).toBeUndefined();
});

it('copies and fills bytes', () => {
  memory.reset();
  const bytes = memory.u8([1, 2, 3, 4, 5, 6]);
  kernels.copyBytes(bytes + 1, bytes, 4);
  expect([...memory.bytes(bytes, 6)]).toEqual([1, 1, 2, 3, 4, 6]);
  kernels.fillBytes(bytes + 2, 7, 3);
  expect([...memory.bytes(bytes, 6)]).toEqual([1, 1, 7, 7, 7, 6]);
});
