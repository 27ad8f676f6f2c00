import * as tf from '@tensorflow/tfjs-core';
import { backward, throughRelu } from './tensorflow.js';
import type { IqnPass } from './tensorflow-iqn.js';

/** How far the values are from their goal. */
interface LossParts {
  readonly taken: tf.Tensor;
  readonly asymmetry: tf.Tensor;
  readonly inside: tf.Tensor;
}

/** Gradients of the quantile-Huber loss by all parameters, written out and without transposed products. */
export function handGradients(pass: IqnPass, x: tf.Tensor, { taken, asymmetry, inside }: LossParts): tf.Tensor[] {
  const [rows, quantiles, actions] = pass.quantileValues.shape;
  const width = pass.h.shape[1] ?? 0;
  const share = -1 / (rows * quantiles * quantiles);
  const slope = tf.mul(tf.sum(tf.mul(asymmetry, inside), 2, true), share);
  const zGradient = tf.reshape(tf.mul(slope, taken), [rows * quantiles, actions]);
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
  return [...first.parameters, ...cosine.parameters, ...noisy, ...sigmas];
}
