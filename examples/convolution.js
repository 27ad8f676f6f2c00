// A network of one's own: a convolution over what an agent of treasurehunt sees. Used by examples/custom-network.js, and
// by `marlin train treasurehunt --set agents.algorithm.network.module=examples/convolution.js`.

/** @type {import('marlin-rl/tensorflow').BuildNetwork} */
export function build(tf, { observationShape, frames, inputSize, outputs, options, nextSeed }) {
  // One plane per kind of thing for each frame; TensorFlow.js wants the planes last.
  const [planes = 0, height = 0, width = 0] = observationShape;
  const { filters = 16, units = 64 } = /** @type {{ filters?: number, units?: number }} */ (options);
  const initializer = () => tf.initializers.heUniform({ seed: nextSeed() });
  const features = tf.sequential({
    layers: [
      tf.layers.reshape({ inputShape: [inputSize], targetShape: [frames * planes, height, width] }),
      tf.layers.permute({ dims: [2, 3, 1] }),
      tf.layers.conv2d({ filters, kernelSize: 3, activation: 'relu', kernelInitializer: initializer() }),
      tf.layers.flatten(),
      tf.layers.dense({ units, activation: 'relu', kernelInitializer: initializer() }),
    ],
  });
  // One for DQN, policy and value for PPO.
  const heads = outputs.map(
    ({ size }) =>
      /** @type {import('@tensorflow/tfjs-layers').SymbolicTensor} */ (
        tf.layers.dense({ units: size, kernelInitializer: initializer() }).apply(features.outputs)
      ),
  );
  return tf.model({ inputs: features.inputs, outputs: heads });
}
