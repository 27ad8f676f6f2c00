import type { Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';
import type { LinearPlan } from './linear.js';
import type { Storage } from './parameter-layout.js';

/**
 * Draws the weights and biases of a layer from U(±bound), in the order in which they lie in the block.
 * @param bound default 1/√inputs, as PyTorch's `nn.Linear` has it
 */
export function initializeLinear(
  plan: LinearPlan,
  block: Float32Array,
  random: RandomStream,
  bound = 1 / Math.sqrt(plan.inputs),
): void {
  const { inputs, outputs, weight, bias } = plan;
  fillUniform(block.subarray(weight, weight + inputs * outputs), bound, random);
  fillUniform(block.subarray(bias, bias + outputs), bound, random);
}

/** Fills `values` from U(−bound, bound). */
function fillUniform(values: Float32Array, bound: number, random: RandomStream): void {
  for (let index = 0; index < values.length; index++) values[index] = (2 * random.uniform() - 1) * bound;
}

/**
 * Draws the weights of a layer as a random matrix with orthogonal rows or columns, whichever are fewer, each of length
 * `gain` (Saxe et al. 2014, arXiv 1312.6120); biases become 0. Signals keep their size through many such layers.
 */
export function initializeOrthogonal(
  plan: LinearPlan,
  storage: Storage,
  block: Float32Array,
  gain: number,
  random: RandomStream,
  kernels: Kernels,
): void {
  const { inputs, outputs, weight, bias } = plan;
  const [rows, columns] = storage === 'row-major' ? [outputs, inputs] : [inputs, outputs];
  const vectors = orthonormalVectors(Math.min(rows, columns), Math.max(rows, columns), random, kernels);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = rows <= columns ? vectors[row][column] : vectors[column][row];
      block[weight + row * columns + column] = gain * value;
    }
  }
  block.fill(0, bias, bias + outputs);
}

/** Gram–Schmidt on normally distributed vectors: every such set of directions is as likely. */
function orthonormalVectors(count: number, length: number, random: RandomStream, kernels: Kernels): Float64Array[] {
  const vectors: Float64Array[] = [];
  for (let index = 0; index < count; index++) {
    const vector = new Float64Array(length);
    for (let at = 0; at < length; at++) vector[at] = kernels.normalQuantile(random.uniformPrecise());
    // Twice: what rounding left of the other directions after the first time is gone after the second.
    for (const other of [...vectors, ...vectors]) addScaled(vector, other, -dot(vector, other));
    const scale = 1 / Math.sqrt(dot(vector, vector));
    for (let at = 0; at < length; at++) vector[at] *= scale;
    vectors.push(vector);
  }
  return vectors;
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < left.length; at++) sum += left[at] * right[at];
  return sum;
}

/** vector += scale · other */
function addScaled(vector: Float64Array, other: Float64Array, scale: number): void {
  for (let at = 0; at < vector.length; at++) vector[at] += scale * other[at];
}
