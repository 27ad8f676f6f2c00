import { describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { planInputLinear } from '#marlin/network/input-linear.js';
import { Linear, linearScratchBytes, planLinear } from '#marlin/network/linear.js';
import type { LinearPlan } from '#marlin/network/linear.js';
import { NoiseGenerator, planNoiseGenerator } from '#marlin/network/noise-source.js';
import type { NoiseSource } from '#marlin/network/noise-source.js';
import { NoisyWeights, planNoisyWeights, planNoisyWeightsWorkspace } from '#marlin/network/noisy-weights.js';
import type { NoiseSettings } from '#marlin/network/noisy-weights.js';
import { ParameterLayout, readTensor } from '#marlin/network/parameter-layout.js';
import { planQHead } from '#marlin/network/q-head.js';
import { RandomStream } from '#marlin/random.js';
import { differenceOf } from '../kernels/difference.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { uniformValues } from '../kernels/reference.js';

const [inputs, outputs] = [7, 5];

/** A noisy layer with parameters drawn at random, and a source that hands out known numbers. */
function noisyLayer(plan: (layout: ParameterLayout) => LinearPlan, settings: NoiseSettings) {
  const memory = new KernelMemory();
  const layout = new ParameterLayout();
  // Something before the layer, so that its place in the block matters.
  layout.reserve('other', [3]);
  const layer = plan(layout);
  const noisyPlan = planNoisyWeights(layout, layer, settings);
  const scratch = new Layout(memory.room(0));
  const workspace = planNoisyWeightsWorkspace(scratch, noisyPlan);
  memory.room(scratch.end);
  const drawn: Float32Array[] = [];
  const source: NoiseSource = {
    uniform: () => {},
    gaussian: (offset, count) => {
      const values = uniformValues(count, 100 + drawn.length);
      drawn.push(values);
      new Float32Array(memory.buffer, offset, count).set(values);
    },
  };
  const block = uniformValues(layout.count, 1);
  const parameters = memory.f32(block);
  const noisy = new NoisyWeights(noisyPlan, workspace, memory.kernels);
  /** A tensor of a block that begins at byte `offset`. */
  const read = (offset: number, name: string) => {
    const tensor = layout.tensors.find((candidate) => candidate.name === name);
    if (tensor === undefined) throw new Error(`There is no tensor ${name}.`);
    const values = new Float32Array(memory.buffer, offset + tensor.offset * 4, tensor.size).slice();
    return readTensor(values, { ...tensor, offset: 0 });
  };
  return { memory, layout, layer, noisy, source, drawn, parameters, read };
}

const root = (x: number) => Math.sign(x) * Math.sqrt(Math.abs(x));
const independent = { kind: 'independent', sigma: 0.017 } as const;
const factorised = { kind: 'factorised', sigma: 0.5 } as const;

const layers = {
  'row-major': (layout: ParameterLayout) => planLinear(layout, 'w', 'b', inputs, outputs, 'relu'),
  'column-major': (layout: ParameterLayout) => planInputLinear(layout, 'w', 'b', inputs, outputs, 'relu'),
};

describe.each(['row-major', 'column-major'] as const)('a noisy layer stored %s', (storage) => {
  it('names a σ for each of its tensors', () => {
    const { layout } = noisyLayer(layers[storage], independent);
    expect(layout.tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['other', [3]],
      ['w', [outputs, inputs]],
      ['b', [outputs]],
      ['sw', [outputs, inputs]],
      ['sb', [outputs]],
    ]);
    expect(layout.tensors[3]?.storage).toBe(storage);
  });

  it('has the weights μ + σ·ε with a number for each', () => {
    const { noisy, source, drawn, parameters, read, layer } = noisyLayer(layers[storage], independent);
    noisy.draw(parameters, source);
    const [epsilon = new Float32Array()] = drawn;
    expect(epsilon).toHaveLength((inputs + 1) * outputs);
    const tensor = { name: 'w', shape: [outputs, inputs], storage, offset: 0, size: inputs * outputs } as const;
    const wEpsilon = readTensor(epsilon, tensor);
    const bEpsilon = epsilon.subarray(inputs * outputs);
    const expected = (name: string, noise: Float32Array) =>
      read(parameters, name).map(
        (mean, index) => mean + (read(parameters, `s${name}`)[index] ?? 0) * (noise[index] ?? 0),
      );
    expect(differenceOf(read(noisy.parameters, 'w'), expected('w', wEpsilon))).toBeUndefined();
    expect(differenceOf(read(noisy.parameters, 'b'), expected('b', bEpsilon))).toBeUndefined();
    expect(layer.bias).toBe(layer.weight + inputs * outputs);
  });

  it('has the weights μ + σ·ε with a factor for each input and output', () => {
    const { noisy, source, drawn, parameters, read } = noisyLayer(layers[storage], factorised);
    noisy.draw(parameters, source);
    const [factors = new Float32Array()] = drawn;
    expect(factors).toHaveLength(inputs + outputs);
    const [ofOutputs, ofInputs] = [factors.subarray(0, outputs), factors.subarray(outputs)];
    const w = read(parameters, 'w').map((mean, index) => {
      const output = root(ofOutputs[Math.floor(index / inputs)] ?? 0);
      return mean + (read(parameters, 'sw')[index] ?? 0) * output * root(ofInputs[index % inputs] ?? 0);
    });
    const b = read(parameters, 'b').map(
      (mean, index) => mean + (read(parameters, 'sb')[index] ?? 0) * root(ofOutputs[index] ?? 0),
    );
    expect(differenceOf(read(noisy.parameters, 'w'), w)).toBeUndefined();
    expect(differenceOf(read(noisy.parameters, 'b'), b)).toBeUndefined();
  });

  it.each([independent, factorised])('begins as Fortunato et al. have it: $kind', (settings) => {
    const { noisy, layout } = noisyLayer(layers[storage], settings);
    const block = new Float32Array(layout.count);
    noisy.initialize(block, RandomStream.named({ seed: 1, role: 'initial-weights' }));
    const means = block.subarray(3, 3 + (inputs + 1) * outputs);
    const bound = Math.sqrt((settings.kind === 'factorised' ? 1 : 3) / inputs);
    expect(Math.max(...means.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
    expect(Math.max(...means.map(Math.abs))).toBeGreaterThan(0.9 * bound);
    const sigma = settings.kind === 'factorised' ? settings.sigma / Math.sqrt(inputs) : settings.sigma;
    expect(new Set(block.subarray(3 + means.length))).toEqual(new Set([Math.fround(sigma)]));
  });
});

it('draws anew each time, for each of two streams that lie side by side too', () => {
  const plan = (layout: ParameterLayout) => planQHead(layout, inputs, outputs, true).linear;
  const { noisy, source, drawn, parameters, read } = noisyLayer(plan, factorised);
  noisy.draw(parameters, source);
  const first = read(noisy.parameters, 'wa');
  noisy.draw(parameters, source);
  expect(read(noisy.parameters, 'wa')).not.toEqual(first);
  const [, factors = new Float32Array()] = drawn;
  // The outputs of both, then the inputs of each.
  expect(factors).toHaveLength(outputs + 1 + 2 * inputs);
  const ofValue = root(factors[outputs] ?? 0);
  const wv = read(parameters, 'wv').map((mean, index) => {
    const input = root(factors[outputs + 1 + inputs + index] ?? 0);
    return mean + (read(parameters, 'swv')[index] ?? 0) * ofValue * input;
  });
  expect(differenceOf(read(noisy.parameters, 'wv'), wv)).toBeUndefined();
  const bv = (read(parameters, 'bv')[0] ?? 0) + (read(parameters, 'sbv')[0] ?? 0) * ofValue;
  expect(differenceOf(read(noisy.parameters, 'bv'), [bv])).toBeUndefined();
});

it.each([independent, factorised])('gives σ the gradient of μ times ε: $kind', (settings) => {
  const { memory, noisy, source, parameters, read, layer, layout } = noisyLayer(layers['row-major'], settings);
  const linear = new Linear(layer, memory.kernels, memory.room(linearScratchBytes(layer, 3)));
  const gradients = memory.f32(new Float32Array(layout.count));
  noisy.draw(parameters, source);
  const input = memory.f32(uniformValues(3 * inputs, 4));
  const output = memory.room(3 * outputs * 4);
  linear.forward(noisy.parameters, input, output, 3);
  linear.backward(noisy.parameters, gradients, input, output, memory.f32(uniformValues(3 * outputs, 5)), undefined, 3);
  noisy.backward(gradients);
  for (const name of ['w', 'b']) {
    const [means, sigmas] = [read(parameters, name), read(parameters, `s${name}`)];
    const weights = read(noisy.parameters, name);
    const ofMeans = read(gradients, name);
    const expected = ofMeans.map((gradient, index) => {
      const epsilon = ((weights[index] ?? 0) - (means[index] ?? 0)) / (sigmas[index] ?? 0);
      return gradient * epsilon;
    });
    // ε is recovered from rounded weights.
    expect(differenceOf(read(gradients, `s${name}`), expected, { relative: 1e-3, absolute: 1e-5 })).toBeUndefined();
    expect(Math.max(...ofMeans.map(Math.abs))).toBeGreaterThan(0);
  }
});

it('goes on from the state of its generator', () => {
  const memory = new KernelMemory();
  const layout = new Layout(memory.room(0));
  const state = planNoiseGenerator(layout);
  memory.room(layout.end);
  const drawn = memory.room(40);
  const generator = new NoiseGenerator(memory.kernels, state);
  generator.initialize(RandomStream.named({ seed: 3, role: 'initial-weights' }));
  generator.gaussian(drawn, 10);
  const saved = memory.bytes(state, layout.end - state);
  generator.uniform(drawn, 10);
  const first = memory.floats(drawn, 10);
  new Uint8Array(memory.buffer, state, saved.length).set(saved);
  new NoiseGenerator(memory.kernels, state).uniform(drawn, 10);
  expect(memory.floats(drawn, 10)).toEqual(first);
  expect(first.every((value) => value >= 0 && value < 1)).toBe(true);
});
