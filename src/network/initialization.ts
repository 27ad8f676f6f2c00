import type { RandomStream } from '../random.js';
import type { LinearPlan } from './linear.js';

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
