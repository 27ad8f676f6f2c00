import * as tf from '@tensorflow/tfjs-core';
import { actionCount } from './learner-subject.js';
import type { PlainBatch } from './learner-subject.js';
import { applyClipped, backward, throughRelu } from './tensorflow.js';

const hidden = 64;
const learningRate = 2.5e-4;
const maxGradNorm = 10;
const bootstrap = 0.9 ** 3;

/** Dense layers as [W, b] with W [in, out], the way TensorFlow keeps them. */
function makeNetwork(inputs: number): tf.Variable[] {
  const sizes = [
    [inputs, hidden],
    [hidden, hidden],
    [hidden, actionCount],
    [hidden, 1],
  ] as const;
  return sizes.flatMap(([from, to]) => [
    tf.variable(tf.randomUniform([from, to], -0.1, 0.1)),
    tf.variable(tf.randomUniform([1, to], -0.1, 0.1)),
  ]);
}

function forward(network: readonly tf.Tensor[], observation: tf.Tensor) {
  const [w1, b1, w2, b2, wa, ba, wv, bv] = network;
  const first = tf.relu(tf.add(tf.matMul(observation, w1), b1));
  const second = tf.relu(tf.add(tf.matMul(first, w2), b2));
  const advantage = tf.add(tf.matMul(second, wa), ba);
  const value = tf.add(tf.matMul(second, wv), bv);
  return { first, second, q: tf.sub(tf.add(value, advantage), tf.mean(advantage, 1, true)) };
}

/**
 * The training step of `dqn.ts` in TensorFlow.js: gradients written out, since its core package registers none, which
 * is the faster way too; its own Adam.
 */
export function makeTensorFlowDqn(inputs: number, batches: readonly PlainBatch[]): (index: number) => void {
  const online = makeNetwork(inputs);
  const target = makeNetwork(inputs);
  const [, , w2, , wa, , wv] = online;
  const optimizer = tf.train.adam(learningRate);

  function step({ observation, nextObservation, action, nStepReturn }: PlainBatch): void {
    const rows = action.length;
    const x = tf.tensor2d(observation, [rows, inputs]);
    const next = tf.tensor2d(nextObservation, [rows, inputs]);
    const taken = tf.oneHot(tf.tensor1d(action, 'int32'), actionCount);
    const best = tf.oneHot(tf.argMax(forward(online, next).q, 1), actionCount);
    const nextValue = tf.sum(tf.mul(forward(target, next).q, best), 1);
    const { first, second, q } = forward(online, x);
    const goal = tf.add(tf.tensor1d(nStepReturn), tf.mul(nextValue, bootstrap));
    const difference = tf.sub(goal, tf.sum(tf.mul(q, taken), 1));
    const inside = tf.clipByValue(difference, -1, 1);
    // Huber with δ = 1: quadratic inside, linear outside.
    const outside = tf.sub(tf.abs(difference), tf.abs(inside));
    const loss = tf.mean(tf.add(tf.mul(0.5, tf.square(inside)), outside));

    const qGradient = tf.mul(taken, tf.expandDims(tf.mul(inside, -1 / rows), 1));
    const valueHead = backward(second, wv, tf.sum(qGradient, 1, true));
    const advantageHead = backward(second, wa, tf.sub(qGradient, tf.mean(qGradient, 1, true)));
    const features = throughRelu(tf.add(advantageHead.input(), valueHead.input()), second);
    const secondLayer = backward(first, w2, features);
    const firstLayer = backward(x, x, throughRelu(secondLayer.input(), first));
    const gradients = [firstLayer, secondLayer, advantageHead, valueHead].flatMap(({ parameters }) => parameters);
    applyClipped(optimizer, online, gradients, maxGradNorm);
    // The loss is read, as a learner must to see that it is finite.
    if (!Number.isFinite(loss.dataSync()[0])) throw new Error('The loss is not finite.');
  }

  return (index) => {
    tf.tidy(() => step(batches[index % batches.length]));
  };
}
