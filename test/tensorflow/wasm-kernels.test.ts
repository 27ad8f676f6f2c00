import type { Tensor4D } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { startTensorFlow } from '#marlin/tensorflow/engine.js';
import { differenceOf } from '../kernels/difference.js';
import { uniformValues } from '../kernels/reference.js';

const { tf } = await startTensorFlow();
await import('@tensorflow/tfjs-backend-cpu');

function count(extents: readonly number[]): number {
  return extents.reduce((product, extent) => product * extent, 1);
}

describe('the gradient of a filter on the wasm backend', () => {
  it.each([
    { size: [5, 5], filter: [3, 3], strides: 1, pad: 'valid' },
    { size: [5, 5], filter: [3, 3], strides: 1, pad: 'same' },
    { size: [7, 6], filter: [2, 3], strides: 2, pad: 'same' },
    { size: [8, 9], filter: [3, 2], strides: [3, 2], pad: 'valid' },
    { size: [6, 6], filter: [1, 1], strides: 1, pad: 'valid' },
    { size: [6, 5], filter: [3, 2], strides: 2, pad: 1 },
  ] as const)('is that of the cpu backend: %j', async ({ size, filter, strides, pad }) => {
    const [rows, channels, filters] = [3, 4, 5];
    const shape: [number, number, number, number] = [rows, size[0], size[1], channels];
    const filterShape: [number, number, number, number] = [filter[0], filter[1], channels, filters];
    const gradient = async (backend: string) => {
      await tf.setBackend(backend);
      return tf.tidy(() => {
        const x = tf.tensor4d(uniformValues(count(shape), 1), shape);
        const weights = tf.tensor4d(uniformValues(count(filterShape), 2), filterShape);
        const step = typeof strides === 'number' ? strides : ([...strides] as [number, number]);
        const rounding = typeof pad === 'number' ? 'floor' : undefined;
        const loss = (w: Tensor4D) => tf.sum(tf.square(tf.conv2d(x, w, step, pad, 'NHWC', 1, rounding)));
        return tf
          .grad(loss as (w: unknown) => ReturnType<typeof loss>)(weights)
          .dataSync();
      });
    };
    const expected = await gradient('cpu');
    const computed = await gradient('wasm');
    expect(expected.some((value) => value !== 0)).toBe(true);
    expect(differenceOf(computed, expected, { relative: 1e-4, absolute: 1e-4 })).toBeUndefined();
  });
});

describe('a product of transposed matrices on the wasm backend', () => {
  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('is that of the cpu backend: %s, %s', async (transposeA, transposeB) => {
    for (const [rows, inner, columns] of [
      [3, 4, 5],
      [50, 60, 70],
    ] as const) {
      const multiply = async (backend: string) => {
        await tf.setBackend(backend);
        return tf.tidy(() => {
          const a = tf.tensor2d(uniformValues(rows * inner, 3), transposeA ? [inner, rows] : [rows, inner]);
          const b = tf.tensor2d(uniformValues(inner * columns, 4), transposeB ? [columns, inner] : [inner, columns]);
          return tf.matMul(a, b, transposeA, transposeB).dataSync();
        });
      };
      const expected = await multiply('cpu');
      const before = tf.memory().numTensors;
      expect(differenceOf(await multiply('wasm'), expected, { relative: 1e-5, absolute: 1e-5 })).toBeUndefined();
      expect(tf.memory().numTensors).toBe(before);
    }
  });
});
