// The categorical distribution of returns (C51; Bellemare et al. 2017, arXiv 1707.06887): `atoms` returns, `step` apart
// from `minimum` on, whose probabilities are the softmax of as many logits.

import { maskedArgmax } from './argmax';
import { expOf, logOf } from './logarithm';
import { horizontalSum } from './reduction';
import { exp4 } from './tanh';

/** The largest of x[count]; a NaN shows in the sums of exponentials instead. */
function largestOf(x: usize, count: usize): f32 {
  let largest = load<f32>(x);
  const end = x + (count << 2);
  for (; x < end; x += 4) {
    const value = load<f32>(x);
    if (value > largest) largest = value;
  }
  return largest;
}

/** values[count] = Σ return · softmax(logits), from logits[count, atoms]. */
export function returnDistributionValues(
  values: usize,
  logits: usize,
  count: usize,
  atoms: usize,
  minimum: f32,
  step: f32,
): void {
  const whole = atoms & ~3;
  for (let row: usize = 0; row < count; row++) {
    const top = largestOf(logits, atoms);
    const tops = f32x4.splat(top);
    let sums = f32x4.splat(0);
    let moments = f32x4.splat(0);
    let places = f32x4(0, 1, 2, 3);
    for (let atom: usize = 0; atom < whole; atom += 4) {
      const share = exp4(f32x4.sub(v128.load(logits + (atom << 2)), tops));
      sums = f32x4.add(sums, share);
      moments = f32x4.add(moments, f32x4.mul(share, places));
      places = f32x4.add(places, f32x4.splat(4));
    }
    let sum = horizontalSum(sums);
    let moment = horizontalSum(moments);
    for (let atom = whole; atom < atoms; atom++) {
      const share = expOf(load<f32>(logits + (atom << 2)) - top);
      sum += share;
      moment += share * <f32>atom;
    }
    store<f32>(values + (row << 2), minimum + step * (moment / sum));
    logits += atoms << 2;
  }
}

/** probabilities[atoms] = softmax(logits[atoms]); returns ln Σ exp(logits). */
function softmax(probabilities: usize, logits: usize, atoms: usize): f32 {
  const top = largestOf(logits, atoms);
  const tops = f32x4.splat(top);
  const wholeBytes = (atoms & ~3) << 2;
  const bytes = atoms << 2;
  let sums = f32x4.splat(0);
  for (let atom: usize = 0; atom < wholeBytes; atom += 16) {
    const share = exp4(f32x4.sub(v128.load(logits + atom), tops));
    v128.store(probabilities + atom, share);
    sums = f32x4.add(sums, share);
  }
  let sum = horizontalSum(sums);
  for (let atom = wholeBytes; atom < bytes; atom += 4) {
    const share = expOf(load<f32>(logits + atom) - top);
    store<f32>(probabilities + atom, share);
    sum += share;
  }
  const scale: f32 = 1 / sum;
  for (let atom: usize = 0; atom < bytes; atom += 4) {
    store<f32>(probabilities + atom, load<f32>(probabilities + atom) * scale);
  }
  return top + logOf(sum);
}

/** Adds `mass` at a return that is `place` atoms above the lowest, divided among the two atoms beside it. */
// @ts-ignore: decorator
@inline
function addMass(target: usize, place: f32, mass: f32, last: f32): void {
  // Comparisons let NaN through to the loss, where it is seen; as a place in memory it counts as 0.
  const inside: f32 = place > last ? last : place < 0 ? 0 : place;
  const below: f32 = inside >= 0 ? floor(inside) : 0;
  const upper = inside - below;
  const at = target + (<usize>below << 2);
  store<f32>(at, load<f32>(at) + mass * (1 - upper));
  if (upper !== 0) store<f32>(at + 4, load<f32>(at + 4) + mass * upper);
}

/**
 * For each row: the distribution of return + bootstrap · Z_target(s', a'), a' = argmax of `nextSelect`, projected onto
 * the atoms; its cross-entropy to the distribution of (s, a), weighted, mean over rows; the gradient of that. A next
 * state without a legal action has the value 0.
 *
 * @param logitGradient out f32 [rows, actions, atoms]
 * @param crossEntropy out f32 [rows], without the weight
 * @param figures out f64 [3]: loss, mean of Q(s, a), mean of |projected target's mean − Q(s, a)|
 * @param logits f32 [rows, actions, atoms]
 * @param values f32 [rows, actions]: their means
 * @param nextSelect f32 [rows, actions]: action values that choose a'
 * @param nextLogits f32 [rows, actions, atoms] of the target network
 * @param nextLegal u8 [rows, actions], or 0 where all actions are legal
 * @param scratch f32 [2, atoms]
 */
export function returnDistributionLoss(
  logitGradient: usize,
  crossEntropy: usize,
  figures: usize,
  logits: usize,
  values: usize,
  nextSelect: usize,
  nextLogits: usize,
  action: usize,
  nStepReturn: usize,
  bootstrapDiscount: usize,
  weight: usize,
  nextLegal: usize,
  rows: usize,
  actions: usize,
  atoms: usize,
  minimum: f32,
  step: f32,
  scratch: usize,
): void {
  const bytes = atoms << 2;
  const last = <f32>(atoms - 1);
  const target = scratch + bytes;
  const share: f32 = <f32>1 / <f32>rows;
  let loss: f64 = 0;
  let valueSum: f64 = 0;
  let absoluteSum: f64 = 0;
  memory.fill(logitGradient, 0, rows * actions * bytes);
  for (let row: usize = 0; row < rows; row++) {
    const first = row * actions;
    const legal = nextLegal === 0 ? 0 : nextLegal + first;
    const best = maskedArgmax(nextSelect + (first << 2), <i32>actions, legal);
    const origin = (load<f32>(nStepReturn + (row << 2)) - minimum) / step;
    memory.fill(target, 0, bytes);
    if (best < 0) {
      addMass(target, origin, 1, last);
    } else {
      softmax(scratch, nextLogits + (first + <usize>best) * bytes, atoms);
      const discount = load<f32>(bootstrapDiscount + (row << 2));
      for (let atom: usize = 0; atom < atoms; atom++) {
        const place = origin + discount * (minimum / step + <f32>atom);
        addMass(target, place, load<f32>(scratch + (atom << 2)), last);
      }
    }

    const chosen = first + load<u32>(action + (row << 2));
    const own = logits + chosen * bytes;
    const gradient = logitGradient + chosen * bytes;
    const logSum = softmax(gradient, own, atoms);
    const importance = load<f32>(weight + (row << 2));
    const factor = importance * share;
    let entropy: f64 = 0;
    let mean: f64 = 0;
    for (let atom: usize = 0; atom < bytes; atom += 4) {
      const mass = load<f32>(target + atom);
      entropy += <f64>mass * <f64>(logSum - load<f32>(own + atom));
      mean += <f64>mass * <f64>(atom >> 2);
      store<f32>(gradient + atom, factor * (load<f32>(gradient + atom) - mass));
    }
    const value = <f64>load<f32>(values + (chosen << 2));
    store<f32>(crossEntropy + (row << 2), <f32>entropy);
    loss += <f64>importance * entropy;
    valueSum += value;
    absoluteSum += abs(<f64>minimum + <f64>step * mean - value);
  }
  store<f64>(figures, loss / <f64>rows);
  store<f64>(figures, valueSum / <f64>rows, 8);
  store<f64>(figures, absoluteSum / <f64>rows, 16);
}
