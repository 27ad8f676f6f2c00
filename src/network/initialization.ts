import type { RandomStream } from '../random.js';

/** Fills `values` from U(−bound, bound). */
export function fillUniform(values: Float32Array, bound: number, random: RandomStream): void {
  for (let index = 0; index < values.length; index++) values[index] = (2 * random.uniform() - 1) * bound;
}

/** The bound that PyTorch's `nn.Linear` draws weights and biases from: 1/√in. */
export function linearBound(inputs: number): number {
  return 1 / Math.sqrt(inputs);
}
