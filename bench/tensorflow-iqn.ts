import * as tf from '@tensorflow/tfjs-core';
import { actionCount } from './learner-subject.js';
import type { PlainBatch } from './learner-subject.js';
import { applyClipped, backward, throughRelu } from './tensorflow.js';

/** What the engines are compared at. */
export interface IqnSizes {
  readonly inputs: number;
  readonly width: number;
  readonly quantiles: number;
  readonly cosines: number;
}

const learningRate = 2.5e-4;
const maxGradNorm = 10;
const bootstrap = 0.99 ** 3;
const targetTau = 0.001;

/** Dense layers as [W, b] with W [in, out]: observation, cosines, hidden, advantage, value; then σ of the last three. */
function makeNetwork({ inputs, width, cosines }: IqnSizes): tf.Variable[] {
  const sizes = [
    [inputs, width],
    [cosines, width],
    [width, width],
    [width, actionCount],
    [width, 1],
  ] as const;
  const means = sizes.flatMap(([from, to]) => {
    const bound = 1 / Math.sqrt(from);
    return [
      tf.variable(tf.randomUniform([from, to], -bound, bound)),
      tf.variable(tf.randomUniform([1, to], -bound, bound)),
    ];
  });
  return [...means, ...means.slice(4).map((mean) => tf.variable(tf.fill(mean.shape, 0.5 / Math.sqrt(width))))];
}

function factors(shape: [number, number]): tf.Tensor {
  const drawn = tf.randomNormal(shape);
  return tf.mul(tf.sign(drawn), tf.sqrt(tf.abs(drawn)));
}

/** A layer's W and b with factorised noise, and that noise. */
function perturb(w: tf.Tensor, b: tf.Tensor, wSigma: tf.Tensor, bSigma: tf.Tensor) {
  const [inputs, outputs] = w.shape;
  const bEpsilon = factors([1, outputs]);
  const wEpsilon = tf.mul(factors([inputs, 1]), bEpsilon);
  return {
    w: tf.add(w, tf.mul(wSigma, wEpsilon)),
    b: tf.add(b, tf.mul(bSigma, bEpsilon)),
    epsilon: [wEpsilon, bEpsilon],
  };
}

/** The training step of `iqn.ts` with factorised noise and a soft target in TensorFlow.js, and an action. */
export function makeTensorFlowIqn(sizes: IqnSizes, batches: readonly PlainBatch[]) {
  const { inputs, width, quantiles, cosines } = sizes;
  const online = makeNetwork(sizes);
  const target = makeNetwork(sizes);
  const optimizer = tf.train.adam(learningRate);
  const frequencies = tf.mul(tf.range(1, cosines + 1), Math.PI);

  function embed([, , wc, bc]: readonly tf.Tensor[], tau: tf.Tensor) {
    const features = tf.cos(tf.mul(tau, frequencies));
    return { features, embedding: tf.relu(tf.add(tf.matMul(features, wc), bc)) };
  }

  function forward(network: readonly tf.Tensor[], observation: tf.Tensor) {
    const [w1, b1, , , wf, bf, wa, ba, wv, bv, swf, sbf, swa, sba, swv, sbv] = network;
    const rows = observation.shape[0] ?? 0;
    const tau = tf.randomUniform([rows * quantiles, 1]);
    const { features, embedding } = embed(network, tau);
    const h = tf.relu(tf.add(tf.matMul(observation, w1), b1));
    const phi = tf.reshape(embedding, [rows, quantiles, width]);
    const x = tf.reshape(tf.mul(tf.expandDims(h, 1), phi), [rows * quantiles, width]);
    const hidden = perturb(wf, bf, swf, sbf);
    const advantageHead = perturb(wa, ba, swa, sba);
    const valueHead = perturb(wv, bv, swv, sbv);
    const z = tf.relu(tf.add(tf.matMul(x, hidden.w), hidden.b));
    const advantage = tf.add(tf.matMul(z, advantageHead.w), advantageHead.b);
    const value = tf.add(tf.matMul(z, valueHead.w), valueHead.b);
    const values = tf.sub(tf.add(value, advantage), tf.mean(advantage, 1, true));
    const quantileValues = tf.reshape(values, [rows, quantiles, actionCount]);
    return { tau, features, embedding, phi, h, x, z, hidden, advantageHead, valueHead, quantileValues };
  }

  function step({ observation, nextObservation, action, nStepReturn }: PlainBatch): void {
    const rows = action.length;
    const x = tf.tensor2d(observation, [rows, inputs]);
    const next = tf.tensor2d(nextObservation, [rows, inputs]);
    const taken = tf.expandDims(tf.oneHot(tf.tensor1d(action, 'int32'), actionCount), 1);
    const means = tf.mean(forward(online, next).quantileValues, 1);
    const best = tf.expandDims(tf.oneHot(tf.argMax(means, 1), actionCount), 1);
    const nextValue = tf.sum(tf.mul(forward(target, next).quantileValues, best), 2);
    const pass = forward(online, x);
    const goal = tf.expandDims(tf.add(tf.tensor2d(nStepReturn, [rows, 1]), tf.mul(nextValue, bootstrap)), 1);
    const chosen = tf.sum(tf.mul(pass.quantileValues, taken), 2, true);
    const difference = tf.sub(goal, chosen);
    const tau = tf.reshape(pass.tau, [rows, quantiles, 1]);
    const asymmetry = tf.abs(tf.sub(tau, tf.cast(tf.less(difference, 0), 'float32')));
    const inside = tf.clipByValue(difference, -1, 1);
    const loss = tf.mean(tf.mul(asymmetry, tf.mul(inside, tf.sub(difference, tf.mul(0.5, inside)))));

    const share = -1 / (rows * quantiles * quantiles);
    const slope = tf.mul(tf.sum(tf.mul(asymmetry, inside), 2, true), share);
    const zGradient = tf.reshape(tf.mul(slope, taken), [rows * quantiles, actionCount]);
    const value = backward(pass.z, pass.valueHead.w, tf.sum(zGradient, 1, true));
    const advantage = backward(pass.z, pass.advantageHead.w, tf.sub(zGradient, tf.mean(zGradient, 1, true)));
    const hidden = backward(pass.x, pass.hidden.w, throughRelu(tf.add(advantage.input(), value.input()), pass.z));
    const product = tf.reshape(hidden.input(), [rows, quantiles, width]);
    const featureGradient = throughRelu(tf.sum(tf.mul(product, pass.phi), 1), pass.h);
    const embeddingGradient = tf.reshape(tf.mul(product, tf.expandDims(pass.h, 1)), [rows * quantiles, width]);
    const cosine = backward(pass.features, pass.features, throughRelu(embeddingGradient, pass.embedding));
    const first = backward(x, x, featureGradient);
    const noisy = [hidden, advantage, value].flatMap(({ parameters }) => parameters);
    const epsilon = [pass.hidden, pass.advantageHead, pass.valueHead].flatMap((layer) => layer.epsilon);
    const sigmas = noisy.map((gradient, index) => tf.mul(gradient, epsilon[index]));
    applyClipped(optimizer, online, [...first.parameters, ...cosine.parameters, ...noisy, ...sigmas], maxGradNorm);
    target.forEach((tensor, index) => {
      tensor.assign(tf.add(tensor, tf.mul(targetTau, tf.sub(online[index], tensor))));
    });
    // The loss is read, as a learner must to see that it is finite.
    if (!Number.isFinite(loss.dataSync()[0])) throw new Error('The loss is not finite.');
  }

  const grid = tf.div(tf.add(tf.range(0, quantiles), 0.5), quantiles);
  const gridEmbedding = tf.tidy(() => embed(online, tf.expandDims(grid, 1)).embedding);

  function act({ observation }: PlainBatch, row: number): void {
    const [w1, b1, , , wf, bf, wa, ba] = online;
    const x = tf.tensor2d(observation.subarray(row * inputs, (row + 1) * inputs), [1, inputs]);
    const h = tf.relu(tf.add(tf.matMul(x, w1), b1));
    const z = tf.relu(tf.add(tf.matMul(tf.mul(h, gridEmbedding), wf), bf));
    // The values of an observation differ by their advantages alone.
    tf.argMax(tf.add(tf.matMul(tf.mean(z, 0, true), wa), ba), 1).dataSync();
  }

  return {
    step: (index: number) => {
      tf.tidy(() => step(batches[index % batches.length]));
    },
    act: (index: number) => {
      tf.tidy(() => act(batches[0], index % batches[0].action.length));
    },
  };
}
