import type * as core from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';

// The contract between Marlin and a module of a custom network: types only, which `marlin-rl/tensorflow` exports. They
// name those of TensorFlow.js and are therefore apart from what `marlin-rl` itself exports.

/** TensorFlow.js as a network is built from it: `tfjs-core` and `tfjs-layers` under one name. */
export type TensorFlow = Omit<typeof core, 'default'> & Omit<typeof layers, 'default'>;

/** One tensor that a network computes for every row of its input: f32 [rows, size]. */
export interface NetworkOutput {
  /** What the algorithm reads it as, for example `q`. */
  readonly name: string;
  readonly size: number;
}

/** What a network is built for. */
export interface NetworkRequest {
  /** Axes of one observation as the environment names them, slowest first; `[size]` where it names none. */
  readonly observationShape: readonly number[];
  /** Observations stacked to one input, oldest first. */
  readonly frames: number;
  /** Values of one row of the input: frames × values of an observation. */
  readonly inputSize: number;
  /** What `forward` must return, in this order. */
  readonly outputs: readonly NetworkOutput[];
  /** `network.options` of the configuration. */
  readonly options: Readonly<Record<string, unknown>>;
  /** A seed for one initializer, another one at each call. Initializers without a seed are refused. */
  readonly nextSeed: () => number;
}

/** A network made of variables and operations. */
export interface CustomNetwork {
  /** All parameters, f32, by names that are the same each time. TensorFlow's own names are best left to it. */
  readonly variables: Readonly<Record<string, core.Variable>>;
  /**
   * The outputs for an input f32 [rows, inputSize]: one tensor [rows, size] for each that was asked for, a single one also
   * without the list. A row holds the frames one after another, each in the order of the observation.
   */
  forward(input: core.Tensor2D): core.Tensor | readonly core.Tensor[];
}

/**
 * What the module of a custom network exports as `build`: variables and operations, or a model of layers with the same
 * input and outputs. It is called several times in each thread, and must build the same for the same seeds. Tensors that
 * it makes besides are disposed of when it returns; `tf.keep` keeps a constant.
 */
export type BuildNetwork = (tf: TensorFlow, request: NetworkRequest) => CustomNetwork | layers.LayersModel;
