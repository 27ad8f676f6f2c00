import type * as core from '@tensorflow/tfjs-core';
import { MarlinError } from '../errors.js';
import { ParameterLayout } from '../network/parameter-layout.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import type { NetworkOutput, TensorFlow } from './custom-network.js';

/** A parameter of a network as a module of the user's made it. */
export interface NamedVariable {
  readonly name: string;
  readonly variable: core.Variable;
  /** What is not trained has a gradient of 0. */
  readonly isTrainable: boolean;
}

/** A network as {@link TensorFlowNetwork} works with it, whether it was made of variables or of layers. */
export interface NetworkParts {
  readonly variables: readonly NamedVariable[];
  readonly forward: (input: core.Tensor2D) => core.Tensor | readonly core.Tensor[];
  readonly dispose: () => void;
}

/**
 * A network in TensorFlow.js whose parameters are those of a flat block of f32, like the ones of any other network here:
 * the block is where they live, the variables are a copy to compute with. It neither keeps nor changes what it is given;
 * TensorFlow.js gets copies, since some of its backends hold on to the arrays of a tensor.
 */
export class TensorFlowNetwork {
  /** Names, shapes and places in the block. */
  readonly parameters: readonly ParameterTensor[];
  readonly parameterCount: number;
  readonly #tf: TensorFlow;
  readonly #parts: NetworkParts;
  readonly #inputSize: number;
  readonly #outputs: readonly NetworkOutput[];
  readonly #trained: core.Variable[];

  constructor(tf: TensorFlow, parts: NetworkParts, inputSize: number, outputs: readonly NetworkOutput[]) {
    const layout = new ParameterLayout();
    for (const { name, variable } of parts.variables) layout.reserve(name, variable.shape);
    this.parameters = layout.tensors;
    this.parameterCount = layout.count;
    this.#tf = tf;
    this.#parts = parts;
    this.#inputSize = inputSize;
    this.#outputs = outputs;
    this.#trained = parts.variables.filter(({ isTrainable }) => isTrainable).map(({ variable }) => variable);
  }

  /** Writes the variables to `block`. */
  store(block: Float32Array): void {
    this.parameters.forEach(({ offset }, index) => {
      block.set(this.#parts.variables[index].variable.dataSync(), offset);
    });
  }

  /** Sets the variables to what `block` holds. */
  load(block: Float32Array): void {
    this.parameters.forEach(({ offset, size, shape }, index) => {
      // A new tensor each time: backends keep weights that they have packed by the tensor's identity.
      const values = this.#tf.tensor(block.slice(offset, offset + size), [...shape]);
      this.#parts.variables[index].variable.assign(values);
      values.dispose();
    });
  }

  /**
   * A forward pass without gradients.
   * @param input [rows, inputSize]
   * @param results where each output goes, [rows, size]
   */
  forward(input: Float32Array, rows: number, results: readonly Float32Array[]): void {
    this.#tf.tidy(() => {
      this.#forward(input, rows, results);
    });
  }

  /**
   * A forward pass, `loss`, and a backward pass.
   * @param loss called in between: finds the outputs in `results` and leaves dloss/doutput in `upstream`
   * @param gradients set to dloss/dparameter, in the layout of the block
   */
  differentiate(
    input: Float32Array,
    rows: number,
    results: readonly Float32Array[],
    loss: () => void,
    upstream: readonly Float32Array[],
    gradients: Float32Array,
  ): void {
    const tf = this.#tf;
    tf.tidy(() => {
      const { grads } = tf.variableGrads(() => {
        const outputs = this.#forward(input, rows, results);
        loss();
        // The gradient of Σ output · u by the parameters is that of any loss whose gradient by the output is u.
        const products = outputs.map((output, index) =>
          tf.sum(tf.mul(output, tf.tensor(upstream[index].slice(), output.shape))),
        );
        return tf.addN(products) as core.Scalar;
      }, this.#trained);
      this.parameters.forEach(({ offset, size }, index) => {
        const gradient = grads[this.#parts.variables[index].variable.name] as core.Tensor | undefined;
        if (gradient === undefined) gradients.fill(0, offset, offset + size);
        else gradients.set(gradient.dataSync(), offset);
      });
    });
  }

  /** Frees the variables. */
  dispose(): void {
    this.#parts.dispose();
  }

  #forward(input: Float32Array, rows: number, results: readonly Float32Array[]): core.Tensor[] {
    const given = this.#parts.forward(this.#tf.tensor2d(input.slice(), [rows, this.#inputSize]));
    const outputs = Array.isArray(given) ? (given as core.Tensor[]) : [given as core.Tensor];
    this.#checkShapes(outputs, rows);
    outputs.forEach((output, index) => results[index].set(output.dataSync()));
    return outputs;
  }

  #checkShapes(outputs: readonly core.Tensor[], rows: number): void {
    const expected = this.#outputs.map(({ name, size }) => `${name} [${rows}, ${size}]`).join(' and ');
    const got = outputs.map((output) => `[${output?.shape?.join(', ') ?? typeof output}]`).join(' and ');
    const wanted = this.#outputs.map(({ size }) => `[${rows}, ${size}]`).join(' and ');
    if (got === wanted) return;
    throw new MarlinError('ERR_NETWORK', `The network gives ${got} for ${rows} observations, expected ${expected}.`);
  }
}
