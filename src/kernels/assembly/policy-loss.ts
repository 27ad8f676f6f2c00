// The losses of proximal policy optimization with their gradients (Schulman et al. 2017, arXiv 1707.06347).

import { expOf } from './logarithm';

/**
 * Clipped surrogate, equation 7: mean of −min(ρA, clip(ρ, 1 − ε, 1 + ε)A) with ρ = exp(new − old log-probability).
 *
 * @param slope out f32 [rows]: dloss/dlog-probability; 0 where the clipped term is the smaller one
 * @param figures out f64 [4]: the loss, mean entropy, approximate KL divergence, mean of (ρ − 1) − log ρ (Schulman,
 *   "Approximating KL divergence", 2020), and share of rows with |ρ − 1| > ε
 */
export function clippedSurrogate(
  slope: usize,
  figures: usize,
  logProbability: usize,
  oldLogProbability: usize,
  advantage: usize,
  entropy: usize,
  rows: usize,
  clipRange: f32,
): void {
  let loss: f64 = 0;
  let entropySum: f64 = 0;
  let divergence: f64 = 0;
  let clipped: i32 = 0;
  const share: f32 = <f32>1 / <f32>rows;
  const least: f32 = 1 - clipRange;
  const most: f32 = 1 + clipRange;
  for (let row: usize = 0; row < rows; row++) {
    const at = row << 2;
    const gain = load<f32>(advantage + at);
    const logRatio = load<f32>(logProbability + at) - load<f32>(oldLogProbability + at);
    const ratio = expOf(logRatio);
    const bounded = ratio > most ? most : ratio < least ? least : ratio;
    const surrogate = ratio * gain;
    // Written so that NaN is let through to the loss, where it is seen.
    const isBounded = bounded * gain < surrogate;
    store<f32>(slope + at, isBounded ? 0 : -surrogate * share);
    loss -= <f64>(isBounded ? bounded * gain : surrogate);
    entropySum += <f64>load<f32>(entropy + at);
    divergence += <f64>(ratio - 1) - <f64>logRatio;
    if (abs(ratio - 1) > clipRange) clipped++;
  }
  store<f64>(figures, loss / <f64>rows);
  store<f64>(figures, entropySum / <f64>rows, 8);
  store<f64>(figures, divergence / <f64>rows, 16);
  store<f64>(figures, <f64>clipped / <f64>rows, 24);
}

/**
 * Half of the mean squared error of value[rows].
 * @param gradient out f32 [rows]: of `coefficient` times the loss
 * @param loss out f64 [1]
 */
export function valueLoss(
  gradient: usize,
  loss: usize,
  value: usize,
  returns: usize,
  rows: usize,
  coefficient: f32,
): void {
  let squares: f64 = 0;
  const share = coefficient / <f32>rows;
  for (let row: usize = 0; row < rows; row++) {
    const at = row << 2;
    const error = load<f32>(value + at) - load<f32>(returns + at);
    store<f32>(gradient + at, error * share);
    squares += <f64>error * <f64>error;
  }
  store<f64>(loss, squares / <f64>(2 * rows));
}
