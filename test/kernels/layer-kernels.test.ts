import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activationNumbers } from '#marlin/kernels/kernels.js';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

function tanhOf(x: readonly number[]): Float32Array {
  memory.reset();
  const y = memory.f32(x);
  kernels.biasActivation(y, memory.f32(new Float32Array(x.length)), 1, x.length, activationNumbers.tanh);
  return memory.floats(y, x.length);
}

function argmax(values: readonly number[], legal?: readonly number[]): number {
  memory.reset();
  return kernels.maskedArgmax(memory.f32(values), values.length, legal === undefined ? 0 : memory.u8(legal));
}

const functions = {
  none: { value: (x: number) => x, slope: () => 1 },
  relu: { value: (x: number) => Math.max(0, x), slope: (y: number) => (y > 0 ? 1 : 0) },
  tanh: { value: Math.tanh, slope: (y: number) => 1 - y * y },
};

describe.each(['none', 'relu', 'tanh'] as const)('activation %s', (name) => {
  const { value, slope } = functions[name];

  it('adds the bias and applies the function, for any number of columns', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 21 }),
        fc.integer(),
        (rows, columns, seed) => {
          const x = uniformValues(rows * columns, seed).map((v) => 4 * v);
          const bias = uniformValues(columns, seed + 1);
          memory.reset();
          const y = memory.f32([...x, 12345], 1);
          kernels.biasActivation(y, memory.f32(bias, 2), rows, columns, activationNumbers[name]);
          const expected = x.map((v, index) => value(Math.fround(v + (bias[index % columns] ?? 0))));
          expect(differenceOf(memory.floats(y, rows * columns), expected)).toBeUndefined();
          expect(memory.floats(y + rows * columns * 4, 1)[0]).toBe(12345);
        },
      ),
    );
  });

  it('multiplies gradients by the slope', () => {
    const y = uniformValues(23, 5).map(value);
    const gradient = uniformValues(23, 6);
    memory.reset();
    const offset = memory.f32(gradient);
    kernels.activationBackward(offset, memory.f32(y), 23, activationNumbers[name]);
    const expected = gradient.map((g, index) => g * slope(y[index] ?? 0));
    expect(differenceOf(memory.floats(offset, 23), expected)).toBeUndefined();
  });
});

describe('tanh', () => {
  it('is accurate to 1e-6 relative over its whole range', () => {
    const x = Array.from({ length: 40_001 }, (_, index) => Math.fround((index - 20_000) * 6e-4));
    expect(differenceOf(tanhOf(x), x.map(Math.tanh), { relative: 1e-6, absolute: 0 })).toBeUndefined();
  });

  it('holds at the ends', () => {
    const ends = tanhOf([0, -0, 1e-30, -1e-30, 100, -100, Infinity, -Infinity]);
    expect(differenceOf(ends, [0, 0, 1e-30, -1e-30, 1, -1, 1, -1], { relative: 1e-6, absolute: 0 })).toBeUndefined();
    expect(tanhOf([Number.NaN])[0]).toBeNaN();
  });
});

it('lets NaN through a ReLU, so that it reaches the loss', () => {
  memory.reset();
  const y = memory.f32([Number.NaN, 1, 1, 1, Number.NaN]);
  kernels.biasActivation(y, memory.f32(new Float32Array(5)), 1, 5, activationNumbers.relu);
  expect([...memory.floats(y, 5)]).toEqual([Number.NaN, 1, 1, 1, Number.NaN]);
});

it('sums columns', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 21 }), fc.boolean(), (rows, columns, add) => {
      const x = uniformValues(rows * columns, rows);
      const before = uniformValues(columns, columns);
      memory.reset();
      const sums = memory.f32([...before, 12345]);
      kernels.columnSums(sums, memory.f32(x), rows, columns, add ? 1 : 0);
      const expected = Array.from(before, (value, column) =>
        x.reduce((sum, v, index) => (index % columns === column ? sum + v : sum), add ? value : 0),
      );
      expect(differenceOf(memory.floats(sums, columns), expected)).toBeUndefined();
      expect(memory.floats(sums + columns * 4, 1)[0]).toBe(12345);
    }),
  );
});

describe('dueling streams', () => {
  it('are combined and taken apart', () => {
    memory.reset();
    const streams = memory.f32([1, 2, 6, 10, -1, 0, 1, 0.5]);
    const q = memory.room(24);
    kernels.duelingForward(q, streams, 2, 3, 1);
    expect(differenceOf(memory.floats(q, 6), [8, 9, 13, -0.5, 0.5, 1.5])).toBeUndefined();
    const streamGradient = memory.room(32);
    kernels.duelingBackward(streamGradient, memory.f32([3, 0, 0, 0, -6, 0]), 2, 3, 1);
    expect(differenceOf(memory.floats(streamGradient, 8), [2, -1, -1, 3, 2, -4, 2, -6])).toBeUndefined();
  });

  it('of several atoms are each atom by itself', () => {
    const size = fc.integer({ min: 1, max: 5 });
    const property = fc.property(
      size,
      size,
      fc.integer({ min: 1, max: 13 }),
      fc.integer(),
      (rows, actions, atoms, seed) => {
        const [from, to] = [rows * (actions + 1) * atoms, rows * actions * atoms];
        const atom = (values: Float32Array, index: number) => values.filter((_, at) => at % atoms === index);
        const heads = uniformValues(from, seed);
        const gradient = uniformValues(to, seed + 1);
        memory.reset();
        const q = memory.f32(new Float32Array(to + 1).fill(12345));
        const headGradient = memory.f32(new Float32Array(from + 1).fill(12345));
        kernels.duelingForward(q, memory.f32(heads), rows, actions, atoms);
        kernels.duelingBackward(headGradient, memory.f32(gradient), rows, actions, atoms);
        const [own, ownGradient] = [memory.room(to * 4), memory.room(from * 4)];
        for (let index = 0; index < atoms; index++) {
          kernels.duelingForward(own, memory.f32(atom(heads, index)), rows, actions, 1);
          kernels.duelingBackward(ownGradient, memory.f32(atom(gradient, index)), rows, actions, 1);
          expect(atom(memory.floats(q, to), index)).toEqual(memory.floats(own, to / atoms));
          expect(atom(memory.floats(headGradient, from), index)).toEqual(memory.floats(ownGradient, from / atoms));
        }
        expect([memory.floats(q, to + 1)[to], memory.floats(headGradient, from + 1)[from]]).toEqual([12345, 12345]);
      },
    );
    fc.assert(property);
  });
});

describe('maskedArgmax', () => {
  it('takes the first of the largest', () => {
    expect(argmax([1, 3, 3, 2])).toBe(1);
    expect(argmax([-5])).toBe(0);
    expect(argmax([-Infinity, -Infinity])).toBe(0);
  });

  it('takes legal actions alone', () => {
    expect(argmax([1, 3, 2], [1, 0, 1])).toBe(2);
    expect(argmax([1, 3, 2], [0, 0, 0])).toBe(-1);
  });

  it('prefers any number to NaN', () => {
    expect(argmax([Number.NaN, -1, Number.NaN])).toBe(1);
  });
});
