import * as tf from '@tensorflow/tfjs-core';
import { actionCount } from './learner-subject.js';
import type { PlainBatch } from './learner-subject.js';
import { applyClipped } from './tensorflow.js';
import { handGradients } from './tensorflow-iqn-gradients.js';

/** What the engines are compared at. */
export interface IqnSizes {
  readonly inputs: number;
  readonly width: number;
  readonly quantiles: number;
  readonly cosines: number;
}

/** Where fractions τ and noise come from. */
export interface IqnDraws {
  uniform(shape: [number, number]): tf.Tensor;
  normal(shape: [number, number]): tf.Tensor;
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

/** A forward pass and what it leaves for gradients written by hand. */
export type IqnPass = ReturnType<ReturnType<typeof makeForward>['forward']>;

function makeForward({ width, quantiles, cosines }: IqnSizes, draws: IqnDraws) {
  const frequencies = tf.mul(tf.range(1, cosines + 1), Math.PI);

  function factors(shape: [number, number]): tf.Tensor {
    const drawn = draws.normal(shape);
    return tf.mul(tf.sign(drawn), tf.sqrt(tf.abs(drawn)));
  }

  /** A layer's W and b with factorised noise, and that noise. */
  function perturb(w: tf.Tensor, b: tf.Tensor, wSigma: tf.Tensor, bSigma: tf.Tensor) {
    const [from, to] = w.shape;
    const bEpsilon = factors([1, to]);
    const wEpsilon = tf.mul(factors([from, 1]), bEpsilon);
    return {
      w: tf.add(w, tf.mul(wSigma, wEpsilon)),
      b: tf.add(b, tf.mul(bSigma, bEpsilon)),
      epsilon: [wEpsilon, bEpsilon],
    };
  }

  function embed([, , wc, bc]: readonly tf.Tensor[], tau: tf.Tensor) {
    const features = tf.cos(tf.mul(tau, frequencies));
    return { features, embedding: tf.relu(tf.add(tf.matMul(features, wc), bc)) };
  }

  function forward(network: readonly tf.Tensor[], observation: tf.Tensor) {
    const [w1, b1, , , wf, bf, wa, ba, wv, bv, swf, sbf, swa, sba, swv, sbv] = network;
    const rows = observation.shape[0] ?? 0;
    const tau = draws.uniform([rows * quantiles, 1]);
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
    const quantileValues = tf.reshape(values, [rows, quantiles, actionCount]) as tf.Tensor3D;
    return { tau, features, embedding, phi, h, x, z, hidden, advantageHead, valueHead, quantileValues };
  }

  return { forward, embed };
}

const randomDraws: IqnDraws = {
  uniform: (shape) => tf.randomUniform(shape),
  normal: (shape) => tf.randomNormal(shape),
};

/** The loss, and what gradients by hand need of the way to it. */
function lossOf({ tau, quantileValues }: IqnPass, action: Int32Array, goal: tf.Tensor) {
  const [rows, quantiles] = quantileValues.shape;
  const taken = tf.expandDims(tf.oneHot(tf.tensor1d(action, 'int32'), actionCount), 1);
  const difference = tf.sub(goal, tf.sum(tf.mul(quantileValues, taken), 2, true));
  // A step function, because comparisons have no gradient, not even 0.
  const asymmetry = tf.abs(tf.sub(tf.reshape(tau, [rows, quantiles, 1]), tf.step(tf.neg(difference))));
  const inside = tf.clipByValue(difference, -1, 1);
  const huber = tf.mul(inside, tf.sub(difference, tf.mul(0.5, inside)));
  return { loss: tf.mean(tf.mul(asymmetry, huber)) as tf.Scalar, taken, asymmetry, inside };
}

interface Differentiated {
  readonly loss: tf.Tensor;
  /** By all parameters. */
  readonly gradients: readonly tf.Tensor[];
}

/**
 * The training step of `iqn.ts` with factorised noise and a soft target as one writes it in TensorFlow.js: forward
 * passes and loss from its operations, gradients by its automatic differentiation, its own Adam. Also the same with
 * gradients by hand, and an action.
 */
export function makeTensorFlowIqn(sizes: IqnSizes, batches: readonly PlainBatch[], draws = randomDraws) {
  const { inputs, quantiles } = sizes;
  const online = makeNetwork(sizes);
  const target = makeNetwork(sizes);
  const optimizer = tf.train.adam(learningRate);
  const { forward, embed } = makeForward(sizes, draws);

  /** What the quantile values are to come to: [rows, 1, quantiles]. */
  function goalOf({ nextObservation, nStepReturn }: PlainBatch): tf.Tensor {
    const rows = nStepReturn.length;
    const next = tf.tensor2d(nextObservation, [rows, inputs]);
    const means = tf.mean(forward(online, next).quantileValues, 1);
    const best = tf.expandDims(tf.oneHot(tf.argMax(means, 1), actionCount), 1);
    const nextValue = tf.sum(tf.mul(forward(target, next).quantileValues, best), 2);
    return tf.expandDims(tf.add(tf.tensor2d(nStepReturn, [rows, 1]), tf.mul(nextValue, bootstrap)), 1);
  }

  function automatically(x: tf.Tensor, action: Int32Array, goal: tf.Tensor): Differentiated {
    const { value, grads } = tf.variableGrads(() => lossOf(forward(online, x), action, goal).loss, online);
    return { loss: value, gradients: online.map(({ name }) => grads[name]) };
  }

  function byHand(x: tf.Tensor, action: Int32Array, goal: tf.Tensor): Differentiated {
    const pass = forward(online, x);
    const parts = lossOf(pass, action, goal);
    return { loss: parts.loss, gradients: handGradients(pass, x, parts) };
  }

  /** Returns the loss. */
  function step(batch: PlainBatch, differentiate: typeof automatically): number {
    const goal = goalOf(batch);
    const x = tf.tensor2d(batch.observation, [batch.action.length, inputs]);
    const { loss, gradients } = differentiate(x, batch.action, goal);
    applyClipped(optimizer, online, gradients, maxGradNorm);
    target.forEach((tensor, index) => {
      tensor.assign(tf.add(tensor, tf.mul(targetTau, tf.sub(online[index], tensor))));
    });
    // It is read, as a learner must to see that it is finite.
    const [value] = loss.dataSync();
    if (!Number.isFinite(value)) throw new Error('The loss is not finite.');
    return value;
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

  const stepOn = (index: number, differentiate: typeof automatically) => {
    let loss = Number.NaN;
    tf.tidy(() => {
      loss = step(batches[index % batches.length], differentiate);
    });
    return loss;
  };
  return {
    /** In the order of {@link makeNetwork}. */
    online,
    target,
    step: (index: number) => stepOn(index, automatically),
    stepByHand: (index: number) => stepOn(index, byHand),
    act: (index: number) => {
      tf.tidy(() => act(batches[0], index % batches[0].action.length));
    },
  };
}
