import type { NamedTensorInfoMap, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import type { TensorFlow } from './custom-network.js';

// What the wasm backend of TensorFlow.js lacks for training. To be registered before the backend starts.

export function registerWasmKernels(tf: TensorFlow): void {
  registerFilterGradient(tf);
  registerTransposedProduct(tf);
}

/** Attributes of `Conv2DBackpropFilter`, as TensorFlow.js names them. */
interface FilterGradientAttributes {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode: 'floor' | 'round' | 'ceil' | undefined;
  /** [height, width, input channels, output channels] */
  readonly filterShape: [number, number, number, number];
}

/** The one kernel without which no convolution can be trained (tensorflow/tfjs issue 8474). */
function registerFilterGradient(tf: TensorFlow): void {
  const name = { kernelName: 'Conv2DBackpropFilter', backendName: 'wasm' } as const;
  if (tf.getKernel(name.kernelName, name.backendName) !== undefined) return;
  tf.registerKernel({
    ...name,
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => filterGradient(tf, inputs as NamedTensorInfoMap, attrs as unknown as FilterGradientAttributes)),
  });
}

/**
 * dloss/dfilter of a convolution without dilation, in the order NHWC: for each place of the filter, the inputs that it
 * saw times the gradients of the outputs.
 */
function filterGradient(tf: TensorFlow, inputs: NamedTensorInfoMap, attributes: FilterGradientAttributes): Tensor4D {
  const { strides, pad, dimRoundingMode, filterShape } = attributes;
  const x = inputs['x'] as Tensor4D;
  const [height, width, channels, filters] = filterShape;
  const convolution = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
  const { batchSize, outHeight, outWidth, strideHeight, strideWidth, padInfo } = convolution;
  const rows = batchSize * outHeight * outWidth;
  const outputGradient = tf.reshape(inputs['dy'] as Tensor4D, [rows, filters]);
  const padded = tf.pad4d(x, [
    [0, 0],
    [padInfo.top, padInfo.bottom],
    [padInfo.left, padInfo.right],
    [0, 0],
  ]);
  const places = Array.from({ length: height * width }, (_, place) => {
    const [row, column] = [Math.floor(place / width), place % width];
    const [lastRow, lastColumn] = [row + strideHeight * (outHeight - 1), column + strideWidth * (outWidth - 1)];
    const end = [batchSize, lastRow + 1, lastColumn + 1, channels];
    const seen = tf.stridedSlice(padded, [0, row, column, 0], end, [1, strideHeight, strideWidth, 1]);
    return tf.matMul(tf.transpose(tf.reshape(seen, [rows, channels])), outputGradient);
  });
  return tf.reshape(tf.concat(places, 0), filterShape);
}

/** From so many multiplications on, transposing pays: measured from 64 × 64 × 64 up. */
const smallProduct = 1e5;

/**
 * The backend multiplies transposed matrices, of which gradients of dense layers are made, by a plain loop. Transposing
 * them first is up to 13 times as fast ([64, 750]ᵀ · [64, 250]: 0.8 ms for 10).
 */
function registerTransposedProduct(tf: TensorFlow): void {
  const kernel = tf.getKernel('BatchMatMul', 'wasm');
  if (kernel === undefined) return;
  tf.unregisterKernel(kernel.kernelName, kernel.backendName);
  tf.registerKernel({
    ...kernel,
    kernelFunc: (call) => {
      const { transposeA, transposeB } = call.attrs as unknown as { readonly transposeA: boolean; transposeB: boolean };
      const { a, b } = call.inputs as unknown as { readonly a: Tensor2D; readonly b: Tensor2D };
      const isPlain = a.shape.length === 2 && b.shape.length === 2;
      const multiplications = a.size * (b.shape[transposeB ? 0 : 1] ?? 0);
      if (!(transposeA || transposeB) || !isPlain || multiplications < smallProduct) return kernel.kernelFunc(call);
      return tf.tidy(() => tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b));
    },
  });
}
