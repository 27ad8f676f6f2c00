// Prioritized replay (Schaul et al. 2016, arXiv 1511.05952): what needs powers.

import { pow4 } from './power';

/** leaves[count] = (|errors| + floor)^exponent: proportional to the probability of a transition. */
export function priorityLeaves(leaves: usize, errors: usize, count: usize, floor: f32, exponent: f32): void {
  const floors = f32x4.splat(floor);
  const exponents = f32x4.splat(exponent);
  const vectorsEnd = leaves + ((count & ~3) << 2);
  const end = leaves + (count << 2);
  while (leaves < vectorsEnd) {
    v128.store(leaves, pow4(f32x4.add(f32x4.abs(v128.load(errors)), floors), exponents));
    leaves += 16;
    errors += 16;
  }
  while (leaves < end) {
    const error = f32x4.splat(load<f32>(errors));
    store<f32>(leaves, f32x4.extract_lane(pow4(f32x4.add(f32x4.abs(error), floors), exponents), 0));
    leaves += 4;
    errors += 4;
  }
}

/**
 * weights[count] = (N · P)^−β, divided by the largest of them: N and the sum behind P cancel, and what is left of
 * leaf i is (smallest leaf / leaf i)^β.
 */
export function importanceWeights(weights: usize, leaves: usize, count: usize, correction: f32): void {
  const last = leaves + (count << 2);
  let smallest: f32 = load<f32>(leaves);
  for (let leaf = leaves; leaf < last; leaf += 4) {
    const value = load<f32>(leaf);
    if (value < smallest) smallest = value;
  }
  const smallests = f32x4.splat(smallest);
  const corrections = f32x4.splat(correction);
  const vectorsEnd = weights + ((count & ~3) << 2);
  const end = weights + (count << 2);
  while (weights < vectorsEnd) {
    v128.store(weights, pow4(f32x4.div(smallests, v128.load(leaves)), corrections));
    weights += 16;
    leaves += 16;
  }
  while (weights < end) {
    const share = f32x4.splat(smallest / load<f32>(leaves));
    store<f32>(weights, f32x4.extract_lane(pow4(share, corrections), 0));
    weights += 4;
    leaves += 4;
  }
}
