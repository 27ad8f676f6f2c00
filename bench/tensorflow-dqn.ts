import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { actionCount } from './dqn-subject.js';
import type { PlainBatch } from './dqn-subject.js';

const hidden = 64;

/** Starts TensorFlow.js on its WebAssembly backend, on one thread as a learner has. */
export async function startTensorFlow(): Promise<void> {
  const main = fileURLToPath(import.meta.resolve('@tensorflow/tfjs-backend-wasm'));
  setWasmPaths(`${join(dirname(main.slice(0, main.lastIndexOf('dist'))), 'tfjs-backend-wasm', 'dist')}/`);
  setThreadsCount(1);
  await tf.setBackend('wasm');
  await tf.ready();
}

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

/** Gradients of a layer z = x·W + b, and of x. */
function backward(x: tf.Tensor, w: tf.Tensor, gradient: tf.Tensor) {
  return {
    parameters: [tf.matMul(x, gradient, true), tf.sum(gradient, 0, true)],
    input: () => tf.matMul(gradient, w, false, true),
  };
}

function throughRelu(gradient: tf.Tensor, output: tf.Tensor): tf.Tensor {
  return tf.mul(gradient, tf.cast(tf.greater(output, 0), 'float32'));
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
    const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)));
    const scale = tf.minimum(1, tf.div(maxGradNorm, tf.add(tf.sqrt(tf.addN(squares)), 1e-6)));
    optimizer.applyGradients(online.map(({ name }, index) => ({ name, tensor: tf.mul(gradients[index], scale) })));
    // The loss is read, as a learner must to see that it is finite.
    if (!Number.isFinite(loss.dataSync()[0])) throw new Error('The loss is not finite.');
  }

  return (index) => {
    tf.tidy(() => step(batches[index % batches.length]));
  };
}
