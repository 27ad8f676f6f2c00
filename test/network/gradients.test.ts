import { describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import type { Activation } from '#marlin/kernels/kernels.js';
import { InputLinear, planInputLinear } from '#marlin/network/input-linear.js';
import { InputRows, planInputRows } from '#marlin/network/input-rows.js';
import { Linear, linearScratchBytes, planLinear } from '#marlin/network/linear.js';
import { ParameterLayout, readTensor } from '#marlin/network/parameter-layout.js';
import { QHead, planQHead, qHeadScratchBytes } from '#marlin/network/q-head.js';
import { differenceOf } from '../kernels/difference.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { numericalGradient, product, uniformStream, uniformValues } from '../kernels/reference.js';

const functions: Record<Activation, (x: number) => number> = {
  none: (x) => x,
  relu: (x) => Math.max(0, x),
  tanh: Math.tanh,
};

/** A layer in f64: x[rows, inputs] · W[outputs, inputs]ᵀ + b. */
function referenceLinear(x: Float64Array, w: Float64Array, b: Float64Array, rows: number): Float64Array {
  const outputs = b.length;
  const inputs = w.length / outputs;
  const left = { values: x, rows, columns: inputs };
  const sums = product(left, { values: w, rows: inputs, columns: outputs, transposed: true });
  return sums.map((value, index) => value + (b[index % outputs] ?? 0));
}

/** Σ values · upstream: the scalar whose gradient is taken. */
function dot(values: Float64Array, upstream: ArrayLike<number>): number {
  return values.reduce((sum, value, index) => sum + value * (upstream[index] ?? 0), 0);
}

/** Parameters drawn for a layout, where they lie, and their values in f64 in the order of their shapes. */
function drawParameters(memory: KernelMemory, layout: ParameterLayout, seed: number) {
  const block = uniformValues(layout.count, seed);
  const tensors = layout.tensors.map((tensor) => Float64Array.from(readTensor(block, tensor)));
  return { parameters: memory.f32(block), gradients: memory.f32(uniformValues(layout.count, seed + 9)), tensors };
}

function gradientsOf(memory: KernelMemory, layout: ParameterLayout, gradients: number): Float32Array[] {
  const block = memory.floats(gradients, layout.count);
  return layout.tensors.map((tensor) => readTensor(block, tensor));
}

const sizes = [
  { rows: 1, inputs: 3, outputs: 2 },
  { rows: 3, inputs: 5, outputs: 9 },
  { rows: 11, inputs: 17, outputs: 5 },
];

describe.each(['none', 'relu', 'tanh'] as const)('a linear layer with %s', (activation) => {
  it.each(sizes)('computes $rows × $inputs → $outputs and its gradients', ({ rows, inputs, outputs }) => {
    const memory = new KernelMemory();
    const layout = new ParameterLayout();
    const plan = planLinear(layout, 'w', 'b', inputs, outputs, activation);
    const { parameters, gradients, tensors } = drawParameters(memory, layout, 1);
    const [w = new Float64Array(), b = new Float64Array()] = tensors;
    const x = Float64Array.from(uniformValues(rows * inputs, 2));
    const upstream = uniformValues(rows * outputs, 3);
    const layer = new Linear(plan, memory.kernels, memory.room(linearScratchBytes(plan, rows)));
    const input = memory.f32(x);
    const output = memory.room(rows * outputs * 4);
    const inputGradient = memory.room(rows * inputs * 4);
    layer.forward(parameters, input, output, rows);
    const forward = () => referenceLinear(x, w, b, rows).map(functions[activation]);
    expect(differenceOf(memory.floats(output, rows * outputs), forward())).toBeUndefined();

    layer.backward(parameters, gradients, input, output, memory.f32(upstream), inputGradient, rows);
    const loss = () => dot(forward(), upstream);
    const [wGradient = [], bGradient = []] = gradientsOf(memory, layout, gradients);
    expect(differenceOf(wGradient, numericalGradient(w, loss))).toBeUndefined();
    expect(differenceOf(bGradient, numericalGradient(b, loss))).toBeUndefined();
    expect(differenceOf(memory.floats(inputGradient, rows * inputs), numericalGradient(x, loss))).toBeUndefined();
  });
});

describe.each([
  { density: 0.1, isSparse: true },
  { density: 1, isSparse: false },
])('the first layer at density $density', ({ density, isSparse }) => {
  it.each([
    { rows: 5, inputs: 24, outputs: 3 },
    { rows: 8, inputs: 37, outputs: 70 },
  ])('computes $rows × $inputs → $outputs and its gradients', ({ rows, inputs, outputs }) => {
    const memory = new KernelMemory();
    const layout = new ParameterLayout();
    const plan = planInputLinear(layout, 'w', 'b', inputs, outputs, 'relu');
    const { parameters, gradients, tensors } = drawParameters(memory, layout, 4);
    const [w = new Float64Array(), b = new Float64Array()] = tensors;
    const uniform = uniformStream(5);
    const x = Float64Array.from(uniformValues(rows * inputs, 6), (value) => (uniform() < density ? value : 0));
    const upstream = uniformValues(rows * outputs, 7);
    const listLayout = new Layout(memory.room(0));
    const inputRows = new InputRows(planInputRows(listLayout, rows, inputs), memory.kernels);
    memory.room(listLayout.end);
    const layer = new InputLinear(plan, memory.kernels, memory.room(linearScratchBytes(plan, rows)));
    const output = memory.room(rows * outputs * 4);
    inputRows.scan(memory.f32(x));
    expect(inputRows.isSparse).toBe(isSparse);

    layer.forward(parameters, inputRows, output);
    const forward = () => referenceLinear(x, w, b, rows).map(functions.relu);
    expect(differenceOf(memory.floats(output, rows * outputs), forward())).toBeUndefined();

    layer.backward(gradients, inputRows, output, memory.f32(upstream));
    const loss = () => dot(forward(), upstream);
    const [wGradient = [], bGradient = []] = gradientsOf(memory, layout, gradients);
    expect(differenceOf(wGradient, numericalGradient(w, loss))).toBeUndefined();
    expect(differenceOf(bGradient, numericalGradient(b, loss))).toBeUndefined();
  });
});

it.each([0.1, 1])('the first layer takes fewer rows than were planned, at density %f', (density) => {
  const [inputs, outputs, most] = [24, 5, 8];
  const memory = new KernelMemory();
  const layout = new ParameterLayout();
  const plan = planInputLinear(layout, 'w', 'b', inputs, outputs, 'tanh');
  const { parameters, gradients, tensors } = drawParameters(memory, layout, 4);
  const [w = new Float64Array(), b = new Float64Array()] = tensors;
  const listLayout = new Layout(memory.room(0));
  const inputRows = new InputRows(planInputRows(listLayout, most, inputs), memory.kernels);
  memory.room(listLayout.end);
  const layer = new InputLinear(plan, memory.kernels, memory.room(linearScratchBytes(plan, most)));
  const output = memory.room(most * outputs * 4);
  const uniform = uniformStream(5);
  const x = Float64Array.from(uniformValues(most * inputs, 6), (value) => (uniform() < density ? value : 0));
  const values = memory.f32(x);
  for (let rows = 1; rows <= most; rows++) {
    const [some, upstream] = [x.slice(0, rows * inputs), uniformValues(rows * outputs, 7)];
    inputRows.scan(values, rows);
    expect(inputRows.rows).toBe(rows);
    layer.forward(parameters, inputRows, output);
    const forward = () => referenceLinear(some, w, b, rows).map(functions.tanh);
    expect(differenceOf(memory.floats(output, rows * outputs), forward())).toBeUndefined();
    layer.backward(gradients, inputRows, output, memory.f32(upstream));
    const [wGradient = []] = gradientsOf(memory, layout, gradients);
    const loss = () => dot(forward(), upstream);
    expect(differenceOf(wGradient, numericalGradient(w, loss))).toBeUndefined();
  }
});

describe.each([true, false])('a head with dueling %s', (dueling) => {
  it('computes action values and their gradients', () => {
    const [rows, inputs, actions] = [5, 7, 4];
    const memory = new KernelMemory();
    const layout = new ParameterLayout();
    const plan = planQHead(layout, inputs, actions, dueling);
    const { parameters, gradients, tensors } = drawParameters(memory, layout, 8);
    const byName = Object.fromEntries(layout.tensors.map(({ name }, index) => [name, tensors[index]]));
    const { wa = new Float64Array(), ba = new Float64Array(), wv, bv } = byName;
    const x = Float64Array.from(uniformValues(rows * inputs, 9));
    const upstream = uniformValues(rows * actions, 10);
    const head = new QHead(plan, memory.kernels, memory.room(qHeadScratchBytes(plan, rows)));
    const features = memory.f32(x);
    const streams = memory.room(rows * (actions + 1) * 4);
    const q = memory.room(rows * actions * 4);
    const featureGradient = memory.room(rows * inputs * 4);
    head.forward(parameters, features, streams, q, rows);
    const forward = () => {
      const advantages = referenceLinear(x, wa, ba, rows);
      if (wv === undefined || bv === undefined) return advantages;
      const values = referenceLinear(x, wv, bv, rows);
      return advantages.map((advantage, index) => {
        const row = Math.floor(index / actions);
        const mean = advantages.subarray(row * actions, (row + 1) * actions).reduce((sum, a) => sum + a, 0) / actions;
        return (values[row] ?? 0) + advantage - mean;
      });
    };
    expect(differenceOf(memory.floats(q, rows * actions), forward())).toBeUndefined();

    head.backward(parameters, gradients, features, streams, memory.f32(upstream), featureGradient, rows);
    const loss = () => dot(forward(), upstream);
    const computed = gradientsOf(memory, layout, gradients);
    const differences = computed.map((gradient, index) =>
      differenceOf(gradient, numericalGradient(tensors[index] ?? new Float64Array(), loss)),
    );
    expect(differences.filter((difference) => difference !== undefined)).toEqual([]);
    expect(differenceOf(memory.floats(featureGradient, rows * inputs), numericalGradient(x, loss))).toBeUndefined();
  });
});
