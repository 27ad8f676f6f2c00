import type { NamedAttrMap, NamedTensorInfoMap, Tensor4D } from '@tensorflow/tfjs-core';
import type { TensorFlow } from './custom-network.js';

/** Attributes of the kernel `Conv2DBackpropFilter`, as TensorFlow.js names them. */
interface FilterGradientAttributes {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode: 'floor' | 'round' | 'ceil' | undefined;
  /** [height, width, input channels, output channels] */
  readonly filterShape: [number, number, number, number];
}

/**
 * Gives the wasm backend the one kernel without which no convolution can be trained on it (tensorflow/tfjs issue 8474).
 */
export function registerMissingKernels(tf: TensorFlow): void {
  const name = { kernelName: 'Conv2DBackpropFilter', backendName: 'wasm' } as const;
  if (tf.getKernel(name.kernelName, name.backendName) !== undefined) return;
  tf.registerKernel({
    ...name,
    kernelFunc: ({ inputs, attrs }) => tf.tidy(() => filterGradient(tf, inputs as NamedTensorInfoMap, attrs)),
  });
}

/**
 * dloss/dfilter of a convolution without dilation as one product: the patches that each output saw, side by side, times
 * the gradients of the outputs. The wasm backend convolves in the order NHWC alone.
 */
function filterGradient(tf: TensorFlow, inputs: NamedTensorInfoMap, attrs: NamedAttrMap | undefined): Tensor4D {
  const { strides, pad, dimRoundingMode, filterShape } = attrs as unknown as FilterGradientAttributes;
  const x = inputs['x'] as Tensor4D;
  const outputGradient = inputs['dy'] as Tensor4D;
  const [height, width, channels, filters] = filterShape;
  const convolution = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
  const { batchSize, outHeight, outWidth, strideHeight, strideWidth, padInfo } = convolution;
  const padded = tf.pad4d(x, [
    [0, 0],
    [padInfo.top, padInfo.bottom],
    [padInfo.left, padInfo.right],
    [0, 0],
  ]);
  const patches = Array.from({ length: height * width }, (_, place) => {
    const [row, column] = [Math.floor(place / width), place % width];
    const end = [
      batchSize,
      row + strideHeight * (outHeight - 1) + 1,
      column + strideWidth * (outWidth - 1) + 1,
      channels,
    ];
    return tf.stridedSlice(padded, [0, row, column, 0], end, [1, strideHeight, strideWidth, 1]);
  });
  const rows = batchSize * outHeight * outWidth;
  const seen = tf.reshape(tf.concat(patches, 3), [rows, height * width * channels]);
  return tf.reshape(tf.matMul(seen, tf.reshape(outputGradient, [rows, filters]), true), filterShape);
}
