import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';

// What networks in TensorFlow.js share. Where gradients are written out, factors are transposed first and then
// multiplied: the flags of matMul, which its own gradients use, leave the fast path of the backend, and a step of IQN
// took three times as long (137 ms of processor time for 48).

/** Starts TensorFlow.js on its WebAssembly backend, on one thread as a learner has. */
export async function startTensorFlow(): Promise<void> {
  const main = fileURLToPath(import.meta.resolve('@tensorflow/tfjs-backend-wasm'));
  setWasmPaths(`${join(dirname(main.slice(0, main.lastIndexOf('dist'))), 'tfjs-backend-wasm', 'dist')}/`);
  setThreadsCount(1);
  // Registers the gradients of operations.
  await import('@tensorflow/tfjs-layers');
  await tf.setBackend('wasm');
  await tf.ready();
}

/** Gradients of a layer z = x·W + b, and of x. */
export function backward(x: tf.Tensor, w: tf.Tensor, gradient: tf.Tensor) {
  return {
    parameters: [tf.matMul(tf.transpose(x), gradient), tf.sum(gradient, 0, true)],
    input: () => tf.matMul(gradient, tf.transpose(w)),
  };
}

export function throughRelu(gradient: tf.Tensor, output: tf.Tensor): tf.Tensor {
  return tf.mul(gradient, tf.cast(tf.greater(output, 0), 'float32'));
}

/** One step of the optimizer with gradients scaled to a global norm. */
export function applyClipped(
  optimizer: tf.Optimizer,
  variables: readonly tf.Variable[],
  gradients: readonly tf.Tensor[],
  maxGradNorm: number,
): void {
  const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)));
  const scale = tf.minimum(1, tf.div(maxGradNorm, tf.add(tf.sqrt(tf.addN(squares)), 1e-6)));
  optimizer.applyGradients(variables.map(({ name }, index) => ({ name, tensor: tf.mul(gradients[index], scale) })));
}
