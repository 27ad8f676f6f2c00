import { describe, expect, it } from 'vitest';
import { RandomStream } from '#marlin/random.js';
import { NetworkBuilder } from '#marlin/tensorflow/network-builder.js';
import { startTensorFlow } from '#marlin/tensorflow/engine.js';

const stream = () => RandomStream.named({ seed: 1, role: 'initial-weights' });

/** A module whose `build` has this body; it may use tf, request and `dense(units)`, a seeded layer. */
function moduleOf(body: string): string {
  const source = `export function build(tf, request) {
    const dense = (units, more) =>
      tf.layers.dense({ units, kernelInitializer: tf.initializers.heNormal({ seed: request.nextSeed() }), ...more });
    ${body}
  }`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

async function load(module: string, options: Record<string, unknown> = {}): Promise<NetworkBuilder> {
  return NetworkBuilder.load(
    { module, options },
    { observation: { size: 6, dtype: 'f32' }, frames: 2, outputs: [{ name: 'q', size: 3 }] },
  );
}

async function plan(body: string) {
  return (await load(moduleOf(body))).plan(stream);
}

describe('the parameters of a network', () => {
  it('are named by a model for the place of their layer, however many layers there were before', async () => {
    const body = `return tf.sequential({ layers: [
      tf.layers.reshape({ inputShape: [request.inputSize], targetShape: [3, 4] }), tf.layers.flatten(),
      dense(5), tf.sequential({ layers: [dense(4, { inputShape: [5] }), dense(2)] }), dense(3)] });`;
    const names = [
      'layers.2.kernel',
      'layers.2.bias',
      'layers.3.kernel',
      'layers.3.bias',
      'layers.3.kernel.2',
      'layers.3.bias.2',
      'layers.4.kernel',
      'layers.4.bias',
    ];
    for (let time = 0; time < 2; time++) {
      const { parameters, parameterCount } = await plan(body);
      expect(parameters.map(({ name }) => name)).toEqual(names);
      expect(parameterCount).toBe(12 * 5 + 5 + 5 * 4 + 4 + 4 * 2 + 2 + 2 * 3 + 3);
      expect(parameters[0]).toMatchObject({ shape: [12, 5], storage: 'row-major', offset: 0, size: 60 });
    }
  });

  it('go to a block and come back from it', async () => {
    const network = (await load(moduleOf(`return tf.sequential({ layers: [dense(3, { inputShape: [12] })] });`))).build(
      stream(),
    );
    const block = new Float32Array(new SharedArrayBuffer(4 * network.parameterCount));
    block.set(block.map((_, index) => index));
    network.load(block);
    const other = new Float32Array(network.parameterCount);
    // The variables are a copy: what happens to the block afterwards is nothing to them.
    block.fill(-1);
    network.store(other);
    expect([...other]).toEqual(Array.from({ length: 39 }, (_, index) => index));
    network.dispose();
  });

  it('have a gradient of 0 where they are not trained', async () => {
    const builder = await load(
      moduleOf(`return tf.sequential({ layers: [dense(4, { inputShape: [12], trainable: false }), dense(3)] });`),
    );
    const network = builder.build(stream());
    const gradients = new Float32Array(network.parameterCount).fill(7);
    const [result, upstream] = [new Float32Array(3), new Float32Array(3).fill(1)];
    network.differentiate(new Float32Array(12).fill(1), 1, [result], () => {}, [upstream], gradients);
    expect(gradients.subarray(0, 52).every((gradient) => gradient === 0)).toBe(true);
    expect(gradients.subarray(-3)).toEqual(upstream);
    expect(result.some((value) => value !== 0)).toBe(true);
  });
});

it('is told what it is built for', async () => {
  const body = `globalThis.request = request; return tf.sequential({ layers: [dense(3, { inputShape: [12] })] });`;
  const builder = await NetworkBuilder.load(
    { module: moduleOf(body), options: { units: 5 } },
    { observation: { size: 6, dtype: 'u8', shape: [1, 2, 3] }, frames: 2, outputs: [{ name: 'q', size: 3 }] },
  );
  builder.build(stream()).dispose();
  const { request } = globalThis as unknown as { request: Record<string, unknown> };
  expect(request).toEqual({
    observationShape: [1, 2, 3],
    frames: 2,
    inputSize: 12,
    outputs: [{ name: 'q', size: 3 }],
    options: { units: 5 },
    nextSeed: expect.any(Function),
  });
});

it('leaves no tensors behind when it is tried out', async () => {
  const { tf } = await startTensorFlow();
  const body = `const variables = { w: tf.variable(tf.randomNormal([12, 3], 0, 1, 'float32', request.nextSeed())) };
    return { variables, forward: (x) => tf.matMul(x, variables.w) };`;
  await plan(body);
  const before = tf.memory().numTensors;
  await plan(body);
  await plan(`return tf.sequential({ layers: [dense(3, { inputShape: [12] })] });`);
  expect(tf.memory().numTensors).toBe(before);
});

describe('a network is refused', () => {
  it('where there is no such module', async () => {
    await expect(load('no/such/module.js')).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      field: 'agents.algorithm.network.module',
      value: 'no/such/module.js',
      bound: 'a module that exports a function `build`, see docs/custom-networks.md',
      message: expect.stringContaining('Cannot find module'),
    });
  });

  it('where the module exports no build', async () => {
    await expect(load('data:text/javascript,export const network = 1')).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      field: 'agents.algorithm.network.module',
    });
  });

  const one = `tf.variable(tf.ones([12, 3]))`;
  it.each([
    ['that is none', 'return 5;', 'build() must return a model of layers'],
    ['that is promised', 'return Promise.resolve({});', 'build() must return a model of layers'],
    ['without variables', 'return { variables: {}, forward: (x) => x };', 'build() must return a model of layers'],
    ['without forward', `return { variables: { w: ${one} } };`, 'build() must return a model of layers'],
    ['whose variable is none', 'return { variables: { w: tf.ones([2]) }, forward: (x) => x };', 'w is object'],
    [
      'of whole numbers',
      `return { variables: { w: tf.variable(tf.ones([2], 'int32')) }, forward: (x) => x };`,
      'w is a variable of int32, but must be a tf.variable of float32',
    ],
    ['that throws', `throw new Error('no such layer');`, 'no such layer'],
    [
      'of the wrong width',
      'return tf.sequential({ layers: [dense(4, { inputShape: [12] })] });',
      'The network gives [1, 4] for 1 observations, expected q [1, 3].',
    ],
    [
      'with an output too many',
      `const w = ${one}; return { variables: { w }, forward: (x) => [tf.matMul(x, w), tf.matMul(x, w)] };`,
      'The network gives [1, 3] and [1, 3] for 1 observations, expected q [1, 3].',
    ],
    [
      'that knows one number of rows alone',
      `const w = ${one}; return { variables: { w }, forward: (x) => tf.slice(tf.matMul(x, w), [0, 0], [1, 3]) };`,
      'The network gives [1, 3] for 2 observations, expected q [2, 3].',
    ],
    [
      'that returns nothing',
      `const w = ${one}; return { variables: { w }, forward() {} };`,
      'The network gives [undefined] for 1 observations, expected q [1, 3].',
    ],
    [
      'whose output no variable moves',
      `const w = ${one}; return { variables: { w }, forward: (x) => tf.zeros([x.shape[0], 3]) };`,
      'Cannot find a connection between any variable and the result',
    ],
    [
      'that begins otherwise each time',
      'return tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [12] })] });',
      'layers.0.kernel has other initial values each time; give its initializer a seed: nextSeed().',
    ],
    [
      'that is another each time',
      `globalThis.builds = (globalThis.builds ?? 0) + 1;
       return { variables: { ['w' + globalThis.builds]: ${one} }, forward: (x) => x };`,
      'it has other variables each time it is built',
    ],
  ])('%s', async (_, body, message) => {
    const module = moduleOf(body);
    const failure = (await load(module)).plan.bind(await load(module), stream);
    expect(failure).toThrow(
      expect.objectContaining({ code: 'ERR_NETWORK', message: expect.stringContaining(message) }),
    );
    expect(failure).toThrow(/^The network of data:text\/javascript,.* cannot be used: /s);
  });
});
