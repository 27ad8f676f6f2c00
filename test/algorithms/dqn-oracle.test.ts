import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { readTensor } from '#marlin/network/parameter-layout.js';
import { RandomStream } from '#marlin/random.js';
import { startTensorFlow } from '#marlin/tensorflow/engine.js';
import { differenceOf } from '../kernels/difference.js';
import { uniformStream, uniformValues } from '../kernels/reference.js';
import { DqnLearner } from './dqn-learner.js';

// A whole training step of DQN with its options, written by their papers in the operations of TensorFlow.js, whose
// automatic differentiation gives the gradients.

const { tf } = await startTensorFlow();

/** Each engine rounds its sums in an order of its own. */
const twoEngines = { relative: 1e-4, absolute: 2e-5 };

const [batchSize, observationSize, actionCount, hiddenSizes] = [12, 20, 3, [16, 10]];
const support = { atoms: 7, minimum: -2, maximum: 3 };

const context: AlgorithmContext = {
  agent: {
    id: 'agent-0',
    observation: { size: observationSize, dtype: 'f32' },
    action: { kind: 'discrete', count: actionCount },
    hasActionMask: true,
  },
  batchSize,
  rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
};

type Tensors = Readonly<Record<string, Tensor>>;
type NoiseKind = 'none' | 'factorised' | 'independent';

/** The layers that have noise, in the order in which they draw: weights and biases of each stream. */
function noisyLayers(dueling: boolean, atoms: number) {
  const [, width = 0] = hiddenSizes;
  const head = [{ weight: 'wa', bias: 'ba', outputs: actionCount * atoms }];
  if (dueling) head.push({ weight: 'wv', bias: 'bv', outputs: atoms });
  return [
    { inputs: hiddenSizes[0] ?? 0, streams: [{ weight: 'w2', bias: 'b2', outputs: width }] },
    { inputs: width, streams: head },
  ];
}

/** ε by tensor, from the numbers that a pass drew for each layer (Fortunato et al. 2018, section 3). */
function noiseOf(kind: NoiseKind, drawn: readonly Float32Array[], dueling: boolean, atoms: number): Tensors {
  const noise: Record<string, Tensor> = {};
  for (const [index, { inputs, streams }] of noisyLayers(dueling, atoms).entries()) {
    const numbers = drawn[index] ?? new Float32Array();
    const outputs = streams.reduce((sum, stream) => sum + stream.outputs, 0);
    const roots = numbers.map((x) => Math.sign(x) * Math.sqrt(Math.abs(x)));
    let first = 0;
    for (const [place, { weight, bias, outputs: own }] of streams.entries()) {
      if (kind === 'independent') {
        noise[weight] = tf.tensor2d(numbers.slice(first * inputs, (first + own) * inputs), [own, inputs]);
        const biases = outputs * inputs + first;
        noise[bias] = tf.tensor1d(numbers.slice(biases, biases + own));
      } else {
        const ofOutputs = tf.tensor1d(roots.slice(first, first + own));
        const ofInputs = outputs + place * inputs;
        noise[weight] = tf.outerProduct(ofOutputs, tf.tensor1d(roots.slice(ofInputs, ofInputs + inputs)));
        noise[bias] = ofOutputs;
      }
      first += own;
    }
  }
  return noise;
}

/** Outputs [rows, actions, atoms] of the network: values (one atom) or logits. */
function outputsOf(parameters: Tensors, noise: Tensors, x: Tensor2D, dueling: boolean, atoms: number): Tensor {
  const weights = (name: string): Tensor => {
    const [mean, sigma, epsilon] = [parameters[name], parameters[`s${name}`], noise[name]];
    if (mean === undefined) throw new Error(`The network has no ${name}.`);
    return sigma === undefined || epsilon === undefined ? mean : tf.add(mean, tf.mul(sigma, epsilon));
  };
  const linear = (input: Tensor, name: string): Tensor =>
    tf.add(tf.matMul(input as Tensor2D, weights(`w${name}`) as Tensor2D, false, true), weights(`b${name}`) as Tensor1D);
  const features = tf.relu(linear(tf.relu(linear(x, '1')), '2'));
  const advantages = tf.reshape(linear(features, 'a'), [-1, actionCount, atoms]);
  if (!dueling) return advantages;
  const value = tf.reshape(linear(features, 'v'), [-1, 1, atoms]);
  return tf.add(value, tf.sub(advantages, tf.mean(advantages, 1, true)));
}

/** The distribution that has the mass of `shares` at `returns`, on the atoms of the support. */
function projected(shares: ArrayLike<number>, returns: readonly number[]): number[] {
  const { atoms, minimum, maximum } = support;
  const step = (maximum - minimum) / (atoms - 1);
  return Array.from({ length: atoms }, (_, atom) =>
    // Equation 7 of Bellemare et al. 2017.
    Array.from(shares).reduce((sum, share, index) => {
      const bounded = Math.min(maximum, Math.max(minimum, returns[index] ?? 0));
      const distance = Math.abs(bounded - (minimum + atom * step)) / step;
      return sum + share * Math.min(1, Math.max(0, 1 - distance));
    }, 0),
  );
}

it.each(
  [false, true].flatMap((isDistribution) =>
    (['none', 'factorised', 'independent'] as const).flatMap((noise) => [
      { isDistribution, noise, dueling: true, doubleQ: true },
      { isDistribution, noise, dueling: false, doubleQ: false },
    ]),
  ),
)('is a step by the papers: %o', ({ isDistribution, noise: kind, dueling, doubleQ }) => {
  const atoms = isDistribution ? support.atoms : 1;
  const drawn: Float32Array[] = [];
  const learner = new DqnLearner(
    {
      frameStack: 1,
      hiddenSizes,
      dueling,
      doubleQ,
      noise: { kind },
      distribution: isDistribution ? { kind: 'categorical', ...support } : { kind: 'none' },
    },
    context,
    (memory) => ({
      uniform: () => {},
      gaussian: (offset, count) => {
        const numbers = uniformValues(count, 60 + drawn.length);
        drawn.push(numbers);
        new Float32Array(memory.buffer, offset, count).set(numbers);
      },
    }),
  );
  const { trainer, state, workspace, memory, network } = learner;
  const { batch } = trainer;
  trainer.initialize(RandomStream.named({ seed: 2, role: 'initial-weights' }));
  // σ of some size, and a target network of its own.
  const vary = (offset: number, seed: number) => {
    const block = learner.block(offset);
    const changes = uniformValues(block.length, seed);
    block.forEach((value, index) => {
      block[index] = value + 0.3 * (changes[index] ?? 0);
    });
  };
  vary(state.parameters, 3);
  vary(state.target, 4);
  const uniform = uniformStream(5);
  const [observation, nextObservation] = [6, 7].map((seed) => uniformValues(batchSize * observationSize, seed));
  const actions = Int32Array.from({ length: batchSize }, () => Math.floor(uniform() * actionCount));
  const returns = uniformValues(batchSize, 8).map((value) => 2 * value);
  const discounts = Float32Array.from({ length: batchSize }, () => (uniform() < 0.3 ? 0 : 0.729));
  const weights = Float32Array.from({ length: batchSize }, () => 0.2 + uniform());
  const legal = Uint8Array.from({ length: batchSize * actionCount }, () => (uniform() < 0.4 ? 0 : 1));
  for (let row = 0; row < batchSize; row++) legal[row * actionCount + (row % actionCount)] = 1;
  learner.fill(batch.observation, observation ?? []);
  learner.fill(batch.nextObservation, nextObservation ?? []);
  learner.fillWords(learner.trainer.batch.action, actions);
  learner.fill(batch.nStepReturn, returns);
  learner.fill(batch.bootstrapDiscount, discounts);
  learner.fill(batch.weight, weights);
  new Uint8Array(memory.buffer, batch.nextLegal, legal.length).set(legal);
  const tensorsAt = (offset: number): Tensors =>
    Object.fromEntries(
      network.parameters.map((tensor) => [
        tensor.name,
        tf.tensor(readTensor(learner.block(offset), tensor), [...tensor.shape]),
      ]),
    );
  const [online, target] = [tensorsAt(state.parameters), tensorsAt(state.target)];
  trainer.step();

  // Each pass drew for itself: the valuing one, the choosing one where it is another, and last the trained one.
  expect(drawn).toHaveLength(kind === 'none' ? 0 : doubleQ ? 6 : 4);
  const noiseAt = (first: number) =>
    kind === 'none' ? {} : noiseOf(kind, drawn.slice(first, first + 2), dueling, atoms);
  const [valuing, choosing, trained] = [noiseAt(0), noiseAt(2), noiseAt(doubleQ ? 4 : 2)];
  const next = tf.tensor2d(nextObservation ?? [], [batchSize, observationSize]);
  const step = (support.maximum - support.minimum) / (support.atoms - 1);
  const atomReturns = Array.from({ length: support.atoms }, (_, atom) => support.minimum + atom * step);
  const meansOf = (outputs: Tensor): Tensor =>
    isDistribution
      ? tf.sum(tf.mul(tf.softmax(outputs), tf.tensor1d(atomReturns)), 2)
      : tf.reshape(outputs, [-1, actionCount]);
  const nextOutputs = outputsOf(target, valuing, next, dueling, atoms);
  const choices = doubleQ ? outputsOf(online, choosing, next, dueling, atoms) : nextOutputs;
  const allowed = tf.where(tf.tensor2d(legal, [batchSize, actionCount], 'bool'), meansOf(choices), -1e9);
  const best = [...tf.argMax(allowed, 1).dataSync()];
  const nextValues = meansOf(nextOutputs).dataSync();
  const nextShares = isDistribution ? tf.softmax(nextOutputs).dataSync() : new Float32Array();
  const targetDistributions = best.map((action, row) => {
    const first = (row * actionCount + action) * support.atoms;
    const shares = nextShares.slice(first, first + support.atoms);
    return projected(
      shares,
      atomReturns.map((value) => (returns[row] ?? 0) + (discounts[row] ?? 0) * value),
    );
  });
  const goals = best.map(
    (action, row) => (returns[row] ?? 0) + (discounts[row] ?? 0) * (nextValues[row * actionCount + action] ?? 0),
  );

  const x = tf.tensor2d(observation ?? [], [batchSize, observationSize]);
  const taken = tf.reshape(tf.oneHot(tf.tensor1d(actions, 'int32'), actionCount), [batchSize, actionCount, 1]);
  /** What each row is to make small: td, or the cross-entropy. */
  const errorsOf = (parameters: Tensors): Tensor => {
    const own = tf.sum(tf.mul(outputsOf(parameters, trained, x, dueling, atoms), taken), 1);
    if (!isDistribution) return tf.sub(tf.tensor1d(goals), tf.reshape(own, [-1]));
    return tf.neg(tf.sum(tf.mul(tf.tensor2d(targetDistributions), tf.logSoftmax(own)), 1));
  };
  const huber = (td: Tensor): Tensor => {
    const least = tf.minimum(tf.abs(td), 1);
    return tf.add(tf.mul(0.5, tf.square(least)), tf.sub(tf.abs(td), least));
  };
  const names = network.parameters.map(({ name }) => name);
  const lossOf = (...values: Tensor[]): Tensor => {
    const errors = errorsOf(Object.fromEntries(names.map((name, index) => [name, values[index] as Tensor])));
    return tf.mean(tf.mul(weights, isDistribution ? errors : huber(errors)));
  };
  const values = names.map((name) => online[name] as Tensor);
  const [loss = Number.NaN, meanQ = Number.NaN] = trainer.metrics;
  expect(differenceOf([loss], lossOf(...values).dataSync(), twoEngines)).toBeUndefined();
  const priorities = memory.floats(batch.priority, batchSize);
  expect(differenceOf(priorities, errorsOf(online).dataSync(), twoEngines)).toBeUndefined();
  const q = tf.sum(
    tf.mul(meansOf(outputsOf(online, trained, x, dueling, atoms)), tf.reshape(taken, [batchSize, -1])),
    1,
  );
  expect(differenceOf([meanQ], tf.mean(q).dataSync(), twoEngines)).toBeUndefined();
  const gradients = tf.grads(lossOf)(values);
  const differences = names.flatMap((name, index) => {
    const difference = differenceOf(
      learner.read(workspace.gradients, name),
      gradients[index]?.dataSync() ?? [],
      twoEngines,
    );
    return difference === undefined ? [] : [`${name}${difference}`];
  });
  expect(differences).toEqual([]);
  // None of them is 0 throughout.
  expect(names.filter((name) => learner.read(workspace.gradients, name).every((value) => value === 0))).toEqual([]);
});
