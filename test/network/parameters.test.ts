import { describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { Adam, planAdam } from '#marlin/network/adam.js';
import { InputLinear, planInputLinear } from '#marlin/network/input-linear.js';
import { Linear, linearScratchBytes, planLinear } from '#marlin/network/linear.js';
import { ParameterLayout, readTensor, writeTensor } from '#marlin/network/parameter-layout.js';
import { RandomStream } from '#marlin/random.js';
import { differenceOf } from '../kernels/difference.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { product, uniformValues } from '../kernels/reference.js';

describe('a parameter layout', () => {
  it('names tensors one behind the other', () => {
    const layout = new ParameterLayout();
    expect(layout.reserve('w', [2, 3])).toBe(0);
    expect(layout.reserve('b', [2])).toBe(6);
    expect(layout.count).toBe(8);
    expect(layout.tensors.map(({ name, offset, size }) => [name, offset, size])).toEqual([
      ['w', 0, 6],
      ['b', 6, 2],
    ]);
  });

  it('reads and writes tensors in the order of their shape, whatever their storage', () => {
    const layout = new ParameterLayout();
    layout.reserve('other', [5]);
    layout.reserve('w', [2, 3], 'column-major');
    const [, tensor] = layout.tensors;
    const block = new Float32Array(layout.count);
    if (tensor === undefined) throw new Error('The layout lost a tensor.');
    writeTensor(block, tensor, [1, 2, 3, 4, 5, 6]);
    expect([...block]).toEqual([0, 0, 0, 0, 0, 1, 4, 2, 5, 3, 6]);
    expect([...readTensor(block, tensor)]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(() => writeTensor(block, tensor, [1])).toThrow('w has 6 values, not 1.');
  });
});

describe('initial weights', () => {
  const layout = new ParameterLayout();
  const plan = planLinear(layout, 'w', 'b', 100, 50, 'relu');
  const memory = new KernelMemory();
  const layer = new Linear(plan, memory.kernels, memory.room(linearScratchBytes(plan, 1)));

  function drawn(seed: number): Float32Array {
    const block = new Float32Array(layout.count);
    layer.initialize(block, RandomStream.named({ seed, role: 'initial-weights' }));
    return block;
  }

  it('are uniform within ±1/√inputs, biases too', () => {
    const block = drawn(1);
    const bias = block.subarray(plan.bias);
    const meanSquare = block.reduce((sum, value) => sum + value * value, 0) / block.length;
    expect(Math.max(...block.map(Math.abs))).toBeLessThanOrEqual(Math.fround(0.1));
    expect(Math.max(...block.map(Math.abs))).toBeGreaterThan(0.099);
    expect(bias.every((value) => value !== 0)).toBe(true);
    // The variance of U(−a, a) is a²/3; the sample's is off by 2 % at the most for 5 050 values (3σ).
    expect(meanSquare).toBeGreaterThan((0.01 / 3) * 0.96);
    expect(meanSquare).toBeLessThan((0.01 / 3) * 1.04);
  });

  it('follow the stream', () => {
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });
});

function initialStream(): RandomStream {
  return RandomStream.named({ seed: 1, role: 'initial-weights' });
}

/** Products of the rows with each other. */
function rowProducts(values: Float32Array, rows: number): number[] {
  const columns = values.length / rows;
  const right = { values, rows: columns, columns: rows, transposed: true };
  return [...product({ values, rows, columns }, right)];
}

/** The matrix of so many rows whose columns are the rows of another. */
function transposed(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows;
  return values.map((_, at) => values[(at % columns) * rows + Math.floor(at / columns)] ?? Number.NaN);
}

describe('orthogonal initial weights', () => {
  it.each([
    { inputs: 9, outputs: 4 },
    { inputs: 4, outputs: 9 },
    { inputs: 6, outputs: 6 },
    { inputs: 5, outputs: 1 },
  ])('of $inputs → $outputs have orthogonal rows or columns of the length of the gain', ({ inputs, outputs }) => {
    const memory = new KernelMemory();
    const scratch = memory.room(1 << 16);
    for (const isFirst of [false, true]) {
      const layout = new ParameterLayout();
      const plan = (isFirst ? planInputLinear : planLinear)(layout, 'w', 'b', inputs, outputs, 'tanh');
      const layer = new (isFirst ? InputLinear : Linear)(plan, memory.kernels, scratch);
      const block = new Float32Array(layout.count).fill(5);
      layer.initializeOrthogonal(block, 1.5, initialStream());
      const [tensor] = layout.tensors;
      if (tensor === undefined) throw new Error('The layout lost a tensor.');
      const weights = readTensor(block, tensor);
      const count = Math.min(inputs, outputs);
      const products = rowProducts(outputs <= inputs ? weights : transposed(weights, inputs), count);
      const expected = products.map((_, at) => (at % (count + 1) === 0 ? 2.25 : 0));
      expect(differenceOf(products, expected)).toBeUndefined();
      expect([...block.subarray(plan.bias)]).toEqual(Array.from({ length: outputs }, () => 0));
    }
  });

  it('point everywhere alike', () => {
    const memory = new KernelMemory();
    const layout = new ParameterLayout();
    const plan = planLinear(layout, 'w', 'b', 64, 64, 'tanh');
    const block = new Float32Array(layout.count);
    new Linear(plan, memory.kernels, memory.room(1 << 16)).initializeOrthogonal(block, 1, initialStream());
    const weights = block.subarray(0, 64 * 64);
    const mean = weights.reduce((sum, value) => sum + value, 0) / weights.length;
    const fourth = weights.reduce((sum, value) => sum + (value * 8) ** 4, 0) / weights.length;
    // Nearly normal with variance 1/64: the fourth moment of a standard normal variable is 3.
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(Math.abs(fourth - 3)).toBeLessThan(0.5);
  });
});

describe('Adam', () => {
  const settings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradNorm: 0.5 };

  function optimizer(count: number) {
    const memory = new KernelMemory();
    const layout = new Layout(memory.room(0));
    const plan = planAdam(layout, count);
    memory.room(layout.end);
    const adam = new Adam(plan, memory.kernels, settings);
    adam.initialize();
    return { memory, plan, adam };
  }

  it('scales gradients to the global norm', () => {
    const { memory, plan, adam } = optimizer(3);
    const gradients = memory.f32([3, 0, 4]);
    adam.measureNorm(gradients);
    expect([...adam.norm]).toEqual([5]);
    adam.step(memory.f32([1, 1, 1]), gradients);
    const factor = (0.5 / (5 + 1e-6)) * (1 - settings.beta1);
    expect(differenceOf(memory.floats(plan.firstMoment, 3), [3 * factor, 0, 4 * factor])).toBeUndefined();
  });

  it('goes on from its state as if it had never stopped', () => {
    const { memory, plan, adam } = optimizer(9);
    const gradients = memory.f32(uniformValues(9, 1));
    const parameters = memory.f32(uniformValues(9, 2));
    const stateBytes = plan.powers + 16 - plan.firstMoment;
    adam.measureNorm(gradients);
    for (let step = 0; step < 5; step++) adam.step(parameters, gradients);
    const saved = memory.bytes(plan.firstMoment, stateBytes);
    const savedParameters = memory.floats(parameters, 9);
    adam.step(parameters, gradients);
    const once = memory.floats(parameters, 9);

    new Uint8Array(memory.buffer, plan.firstMoment, stateBytes).set(saved);
    new Float32Array(memory.buffer, parameters, 9).set(savedParameters);
    const another = new Adam(plan, memory.kernels, settings);
    another.measureNorm(gradients);
    another.step(parameters, gradients);
    expect(memory.floats(parameters, 9)).toEqual(once);
  });
});
