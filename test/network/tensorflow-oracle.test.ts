import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { Adam, planAdam } from '#marlin/network/adam.js';
import { InputLinear, planInputLinear } from '#marlin/network/input-linear.js';
import { InputRows, planInputRows } from '#marlin/network/input-rows.js';
import { Linear, linearScratchBytes, planLinear } from '#marlin/network/linear.js';
import { ParameterLayout, readTensor } from '#marlin/network/parameter-layout.js';
import { planQHead, QHead, qHeadScratchBytes } from '#marlin/network/q-head.js';
import { startTensorFlow } from '#marlin/tensorflow/engine.js';
import { differenceOf } from '../kernels/difference.js';
import type { Tolerance } from '../kernels/difference.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { uniformStream, uniformValues } from '../kernels/reference.js';

// Layers, losses and Adam against an engine that shares no code with them: forward passes in the operations of
// TensorFlow.js, gradients by its automatic differentiation. Both compute in f32.

const { tf } = await startTensorFlow();

const functions = { none: (x: Tensor2D) => x, relu: (x: Tensor2D) => tf.relu(x), tanh: (x: Tensor2D) => tf.tanh(x) };

/** Each engine rounds its sums in an order of its own; of hundreds of products that cancel out, that much is left. */
const twoEngines: Tolerance = { relative: 2e-5, absolute: 1e-5 };

/** x·Wᵀ + b with W as [out, in]. */
function linear(x: Tensor2D, w: Tensor2D, b: Tensor1D): Tensor2D {
  return tf.add(tf.matMul(x, w, false, true), b);
}

/** A block of drawn parameters in `memory`, and its tensors as TensorFlow.js has them, in the order of the layout. */
function drawParameters(memory: KernelMemory, layout: ParameterLayout, seed: number) {
  const block = uniformValues(layout.count, seed);
  const tensors = layout.tensors.map((tensor) => tf.tensor(readTensor(block, tensor), [...tensor.shape]));
  const gradients = memory.f32(uniformValues(layout.count, seed + 100));
  const readGradients = () => {
    const written = memory.floats(gradients, layout.count);
    return layout.tensors.map((tensor) => readTensor(written, tensor));
  };
  return { parameters: memory.f32(block), gradients, readGradients, tensors };
}

/** Output of `forward` and the gradients of Σ output · upstream by everything in `inputs`. */
function oracle(forward: (...inputs: Tensor[]) => Tensor, inputs: Tensor[], upstream: Float32Array) {
  return tf.tidy(() => {
    const output = forward(...inputs);
    const gradients = tf.grads(forward)(inputs, tf.tensor(upstream, output.shape));
    return { output: output.dataSync(), gradients: gradients.map((gradient) => gradient.dataSync()) };
  });
}

/** What differs, by position; empty where all agree. */
function differencesOf(actual: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]): string[] {
  expect(actual).toHaveLength(expected.length);
  return expected.flatMap((values, index) => differenceOf(actual[index] ?? [], values, twoEngines) ?? []);
}

const sizes = [
  { rows: 1, inputs: 3, outputs: 2 },
  { rows: 7, inputs: 30, outputs: 9 },
  { rows: 64, inputs: 64, outputs: 64 },
  { rows: 33, inputs: 300, outputs: 17 },
];

describe.each(['none', 'relu', 'tanh'] as const)('a linear layer with %s', (activation) => {
  it.each(sizes)('has the gradients of TensorFlow.js: $rows × $inputs → $outputs', ({ rows, inputs, outputs }) => {
    const memory = new KernelMemory();
    const layout = new ParameterLayout();
    const plan = planLinear(layout, 'w', 'b', inputs, outputs, activation);
    const { parameters, gradients, readGradients, tensors } = drawParameters(memory, layout, 1);
    const layer = new Linear(plan, memory.kernels, memory.room(linearScratchBytes(plan, rows)));
    const [x, upstream] = [uniformValues(rows * inputs, 2), uniformValues(rows * outputs, 3)];
    const input = memory.f32(x);
    const [output, inputGradient] = [memory.room(rows * outputs * 4), memory.room(rows * inputs * 4)];
    layer.forward(parameters, input, output, rows);
    const computed = memory.floats(output, rows * outputs);
    layer.backward(parameters, gradients, input, output, memory.f32(upstream), inputGradient, rows);

    const expected = oracle(
      (tx, w, b) => functions[activation](linear(tx as Tensor2D, w as Tensor2D, b as Tensor1D)),
      [tf.tensor2d(x, [rows, inputs]), ...tensors],
      upstream,
    );
    expect(differencesOf([computed], [expected.output])).toEqual([]);
    const own = [memory.floats(inputGradient, rows * inputs), ...readGradients()];
    expect(differencesOf(own, expected.gradients)).toEqual([]);
  });
});

describe.each([0.05, 1])('an input layer on rows of which a share of %d is not 0', (density) => {
  it.each(['none', 'relu', 'tanh'] as const)('has the gradients of TensorFlow.js with %s', (activation) => {
    const [rows, inputs, outputs] = [32, 150, 24];
    const memory = new KernelMemory();
    const layout = new ParameterLayout();
    const plan = planInputLinear(layout, 'w', 'b', inputs, outputs, activation);
    const { parameters, gradients, readGradients, tensors } = drawParameters(memory, layout, 4);
    const uniform = uniformStream(5);
    const x = uniformValues(rows * inputs, 6).map((value) => (uniform() < density ? value : 0));
    const upstream = uniformValues(rows * outputs, 7);
    const listLayout = new Layout(memory.room(0));
    const inputRows = new InputRows(planInputRows(listLayout, rows, inputs), memory.kernels);
    memory.room(listLayout.end);
    const layer = new InputLinear(plan, memory.kernels, memory.room(linearScratchBytes(plan, rows)));
    const output = memory.room(rows * outputs * 4);
    inputRows.scan(memory.f32(x));
    expect(inputRows.isSparse).toBe(density < 0.4);
    layer.forward(parameters, inputRows, output);
    const computed = memory.floats(output, rows * outputs);
    layer.backward(gradients, inputRows, output, memory.f32(upstream));

    const tx = tf.tensor2d(x, [rows, inputs]);
    const expected = oracle(
      (w, b) => functions[activation](linear(tx, w as Tensor2D, b as Tensor1D)),
      tensors,
      upstream,
    );
    expect(differencesOf([computed], [expected.output])).toEqual([]);
    expect(differencesOf(readGradients(), expected.gradients)).toEqual([]);
  });
});

/** Q of a head as the paper has it, from parameters by name. */
function qOf(features: Tensor2D, named: Readonly<Record<string, Tensor>>, dueling: boolean): Tensor2D {
  const advantages = linear(features, named['wa'] as Tensor2D, named['ba'] as Tensor1D);
  if (!dueling) return advantages;
  const value = linear(features, named['wv'] as Tensor2D, named['bv'] as Tensor1D);
  return tf.add(value, tf.sub(advantages, tf.mean(advantages, 1, true)));
}

describe.each([true, false])('a head with dueling %s', (dueling) => {
  it('has the gradients of TensorFlow.js', () => {
    const [rows, inputs, actions] = [32, 48, 5];
    const memory = new KernelMemory();
    const layout = new ParameterLayout();
    const plan = planQHead(layout, inputs, actions, dueling);
    const { parameters, gradients, readGradients, tensors } = drawParameters(memory, layout, 8);
    const [x, upstream] = [uniformValues(rows * inputs, 9), uniformValues(rows * actions, 10)];
    const head = new QHead(plan, memory.kernels, memory.room(qHeadScratchBytes(plan, rows)));
    const features = memory.f32(x);
    const [streams, q] = [memory.room(rows * (actions + 1) * 4), memory.room(rows * actions * 4)];
    const featureGradient = memory.room(rows * inputs * 4);
    head.forward(parameters, features, streams, q, rows);
    head.backward(parameters, gradients, features, streams, memory.f32(upstream), featureGradient, rows);

    const named = (values: readonly Tensor[]) =>
      Object.fromEntries(layout.tensors.map(({ name }, index) => [name, values[index] as Tensor]));
    const expected = oracle(
      (tx, ...values) => qOf(tx as Tensor2D, named(values), dueling),
      [tf.tensor2d(x, [rows, inputs]), ...tensors],
      upstream,
    );
    expect(differencesOf([memory.floats(q, rows * actions)], [expected.output])).toEqual([]);
    const own = [memory.floats(featureGradient, rows * inputs), ...readGradients()];
    expect(differencesOf(own, expected.gradients)).toEqual([]);
  });
});

/** `count` values from U(−2, 2). */
function twice(count: number, seed: number): Float32Array {
  return uniformValues(count, seed).map((value) => value * 2);
}

describe.each([
  { delta: 1, isDouble: true, masks: false },
  { delta: 1, isDouble: true, masks: true },
  { delta: 0.3, isDouble: false, masks: true },
  { delta: 5, isDouble: false, masks: false },
])('the loss of DQN with δ $delta, double $isDouble, masks $masks', ({ delta, isDouble, masks }) => {
  it('and its gradient are those of TensorFlow.js', () => {
    const [rows, actions] = [40, 6];
    const memory = new KernelMemory();
    const uniform = uniformStream(11);
    const [q, nextOnline, nextTarget] = [
      twice(rows * actions, 12),
      twice(rows * actions, 13),
      twice(rows * actions, 14),
    ];
    const [returns, weights] = [twice(rows, 15), twice(rows, 16).map(Math.abs)];
    const discounts = Float32Array.from({ length: rows }, () => (uniform() < 0.2 ? 0 : 0.729));
    const action = Int32Array.from({ length: rows }, () => Math.floor(uniform() * actions));
    const legal = Uint8Array.from({ length: rows * actions }, () => (masks && uniform() < 0.5 ? 0 : 1));
    for (let row = 0; row < rows; row++) legal[row * actions + (row % actions)] = 1;
    const select = isDouble ? nextOnline : nextTarget;
    const [gradient, tdError, figures] = [memory.room(rows * actions * 4), memory.room(rows * 4), memory.room(3 * 8)];
    memory.kernels.dqnLoss(
      gradient,
      tdError,
      figures,
      memory.f32(q),
      memory.f32(select),
      memory.f32(nextTarget),
      memory.i32(action),
      memory.f32(returns),
      memory.f32(discounts),
      memory.f32(weights),
      masks ? memory.u8(legal) : 0,
      rows,
      actions,
      delta,
    );

    const shape: [number, number] = [rows, actions];
    const allowed = tf.where(tf.tensor2d(legal, shape, 'bool'), tf.tensor2d(select, shape), -1e9);
    const best = tf.oneHot(tf.argMax(allowed, 1), actions);
    const nextValue = tf.sum(tf.mul(tf.tensor2d(nextTarget, shape), best), 1);
    const target = tf.add(returns, tf.mul(discounts, nextValue));
    const taken = tf.oneHot(tf.tensor1d(action, 'int32'), actions);
    const difference = (tq: Tensor) => tf.sub(target, tf.sum(tf.mul(tq, taken), 1));
    // ½d² up to δ, δ·(|d| − ½δ) beyond: with m = min(|d|, δ) both are ½m² + δ·(|d| − m).
    const huber = (d: Tensor) => {
      const least = tf.minimum(tf.abs(d), delta);
      return tf.add(tf.mul(0.5, tf.square(least)), tf.mul(delta, tf.sub(tf.abs(d), least)));
    };
    const loss = (tq: Tensor) => tf.mean(tf.mul(weights, huber(difference(tq))));
    const expected = oracle(loss, [tf.tensor2d(q, shape)], Float32Array.of(1));
    const [ownLoss = 0] = memory.doubles(figures, 3);
    expect(differencesOf([[ownLoss]], [expected.output])).toEqual([]);
    expect(differencesOf([memory.floats(tdError, rows)], [difference(tf.tensor2d(q, shape)).dataSync()])).toEqual([]);
    expect(differencesOf([memory.floats(gradient, rows * actions)], expected.gradients)).toEqual([]);
  });
});

// Both have ε outside of the root of the corrected second moment, θ −= η · m̂ / (√v̂ + ε), as in the paper. TensorFlow.js
// takes 1e-7 for ε unless it is told, so it is told; and it keeps β₁ᵗ and β₂ᵗ in f32 where we have f64, which moves its
// first steps by up to 3e-5 of the learning rate.
describe('Adam', () => {
  const settings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  const tolerance = { relative: 0, absolute: 0.01 * settings.learningRate };

  it.each([Infinity, 0.5])('takes the same 100 steps as that of TensorFlow.js, clipped at norm %d', (maxGradNorm) => {
    const count = 300;
    const memory = new KernelMemory();
    const layout = new Layout(memory.room(0));
    const plan = planAdam(layout, count);
    memory.room(layout.end);
    const initial = uniformValues(count, 17);
    const [parameters, gradients] = [memory.f32(initial), memory.room(count * 4)];
    const adam = new Adam(plan, memory.kernels, { ...settings, maxGradNorm });
    adam.initialize();
    const variable = tf.variable(tf.tensor1d(initial));
    const optimizer = tf.train.adam(settings.learningRate, settings.beta1, settings.beta2, settings.epsilon);
    for (let step = 0; step < 100; step++) {
      // From large to small, so that ε comes to matter as well.
      const gradient = uniformValues(count, 18 + step).map((value, index) => value * 10 ** (-index / 40));
      new Float32Array(memory.buffer, gradients, count).set(gradient);
      adam.measureNorm(gradients);
      adam.step(parameters, gradients);
      tf.tidy(() => {
        const norm = tf.norm(tf.tensor1d(gradient));
        const scale = Number.isFinite(maxGradNorm) ? tf.minimum(1, tf.div(maxGradNorm, tf.add(norm, 1e-6))) : 1;
        optimizer.applyGradients([{ name: variable.name, tensor: tf.mul(gradient, scale) }]);
      });
      const difference = differenceOf(memory.floats(parameters, count), variable.dataSync(), tolerance);
      expect(difference && `step ${step + 1}: ${difference}`).toBeUndefined();
    }
  });

  it('comes to the same layer after 100 steps on gradients of its own', () => {
    const [rows, inputs, outputs] = [32, 20, 8];
    const memory = new KernelMemory();
    const parameterLayout = new ParameterLayout();
    const plan = planLinear(parameterLayout, 'w', 'b', inputs, outputs, 'tanh');
    const { parameters, gradients, tensors } = drawParameters(memory, parameterLayout, 19);
    const layer = new Linear(plan, memory.kernels, memory.room(linearScratchBytes(plan, rows)));
    const layout = new Layout(memory.room(0));
    const adam = new Adam(planAdam(layout, parameterLayout.count), memory.kernels, {
      ...settings,
      maxGradNorm: Infinity,
    });
    memory.room(layout.end);
    adam.initialize();
    const [x, wanted] = [uniformValues(rows * inputs, 20), uniformValues(rows * outputs, 21)];
    const input = memory.f32(x);
    const [output, upstream] = [memory.room(rows * outputs * 4), memory.room(rows * outputs * 4)];
    const variables = tensors.map((tensor) => tf.variable(tensor));
    const optimizer = tf.train.adam(settings.learningRate, settings.beta1, settings.beta2, settings.epsilon);
    const [tx, ty] = [tf.tensor2d(x, [rows, inputs]), tf.tensor2d(wanted, [rows, outputs])];
    // Mean over all of ½(y − ŷ)².
    const loss = (): number => {
      layer.forward(parameters, input, output, rows);
      const differences = memory.floats(output, rows * outputs).map((value, index) => value - (wanted[index] ?? 0));
      new Float32Array(memory.buffer, upstream, differences.length).set(differences.map((d) => d / differences.length));
      return differences.reduce((sum, d) => sum + (d * d) / 2, 0) / differences.length;
    };
    for (let step = 0; step < 100; step++) {
      const own = loss();
      layer.backward(parameters, gradients, input, output, upstream, undefined, rows);
      adam.measureNorm(gradients);
      adam.step(parameters, gradients);
      const theirs = tf.tidy(() => {
        const [w, b] = variables as Tensor[];
        const { value, grads } = tf.variableGrads(
          () => tf.mul(0.5, tf.mean(tf.squaredDifference(tf.tanh(linear(tx, w as Tensor2D, b as Tensor1D)), ty))),
          variables,
        );
        optimizer.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
        return value.dataSync();
      });
      expect(differencesOf([[own]], [theirs])).toEqual([]);
    }
    const block = memory.floats(parameters, parameterLayout.count);
    parameterLayout.tensors.forEach((tensor, index) => {
      const theirs = variables[index]?.dataSync() ?? [];
      expect(differenceOf(readTensor(block, tensor), theirs, tolerance)).toBeUndefined();
    });
  });
});
