// Independent normal distributions, one for each number of an action: means from a network, standard deviations that
// are parameters of their own, kept as logarithms.

import { expOf, logOf } from './logarithm';

/** ½ log 2π */
const logNormalizer: f32 = 0.918938533204672742;

/**
 * The number below which a standard normal variable lies with the given probability: Wichura 1988, algorithm AS 241,
 * PPND7, to 7 digits. Probabilities closer to 0 than 2⁻⁵⁴ count as that.
 */
export function normalQuantile(probability: f64): f64 {
  const q = probability - 0.5;
  if (abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    const above = ((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179;
    const below = ((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1;
    return (q * above) / below;
  }
  const tail = max(min(probability, 1 - probability), 5.5511151231257827e-17);
  let r = sqrt(-<f64>logOf(<f32>tail));
  let distance: f64;
  if (r <= 5) {
    r -= 1.6;
    const above = ((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777;
    distance = above / ((0.12021132975 * r + 0.7370016425) * r + 1);
  } else {
    r -= 5;
    const above = ((0.017337203997 * r + 0.42868294337) * r + 3.081226386) * r + 6.657905115;
    distance = above / ((0.012258202635 * r + 0.24197894225) * r + 1);
  }
  return q < 0 ? -distance : distance;
}

/**
 * Draws an action.
 *
 * @param action out f32 [size]
 * @param logProbability out f32 [1]: logarithm of its density
 * @param uniforms f64 [size] in [0, 1), or 0: the means
 */
export function gaussianAct(
  action: usize,
  logProbability: usize,
  mean: usize,
  logDeviation: usize,
  size: usize,
  uniforms: usize,
): void {
  let total: f32 = 0;
  for (let index: usize = 0; index < size; index++) {
    const at = index << 2;
    const center = load<f32>(mean + at);
    const logScale = load<f32>(logDeviation + at);
    const scale = expOf(logScale);
    const draw: f32 = uniforms === 0 ? 0 : <f32>normalQuantile(load<f64>(uniforms + (index << 3)));
    const value = center + scale * draw;
    store<f32>(action + at, value);
    total += logDensity(value, center, logScale, <f32>1 / scale);
  }
  store<f32>(logProbability, total);
}

// @ts-ignore: decorator
@inline
function logDensity(value: f32, center: f32, logScale: f32, inverseScale: f32): f32 {
  // From the value as it is kept, not from the draw: what is learnt from a step then begins at a ratio of 1.
  const z = (value - center) * inverseScale;
  return <f32>-0.5 * z * z - logScale - logNormalizer;
}

/**
 * Log-density of each row's action, and entropy of each row, which does not depend on the row.
 *
 * @param logProbability out f32 [rows]
 * @param entropy out f32 [rows]
 * @param mean f32 [rows, size]
 * @param logDeviation f32 [size]
 * @param action f32 [rows, size]
 */
export function gaussianEvaluate(
  logProbability: usize,
  entropy: usize,
  mean: usize,
  logDeviation: usize,
  action: usize,
  rows: usize,
  size: usize,
): void {
  memory.fill(logProbability, 0, rows << 2);
  let rowEntropy: f32 = 0;
  for (let index: usize = 0; index < size; index++) {
    const logScale = load<f32>(logDeviation + (index << 2));
    const inverseScale = expOf(-logScale);
    rowEntropy += logScale + logNormalizer + <f32>0.5;
    for (let row: usize = 0; row < rows; row++) {
      const at = (row * size + index) << 2;
      const to = logProbability + (row << 2);
      const density = logDensity(load<f32>(action + at), load<f32>(mean + at), logScale, inverseScale);
      store<f32>(to, load<f32>(to) + density);
    }
  }
  for (let row: usize = 0; row < rows; row++) store<f32>(entropy + (row << 2), rowEntropy);
}

/**
 * With z = (a − μ)/σ: ∂log p/∂μ = z/σ, ∂log p/∂log σ = z² − 1, ∂H/∂log σ = 1.
 *
 * @param meanGradient out f32 [rows, size]
 * @param logDeviationGradient out f32 [size]
 * @param slope f32 [rows]: dloss/dlog-probability
 * @param entropySlope dloss/dentropy of each row
 */
export function gaussianBackward(
  meanGradient: usize,
  logDeviationGradient: usize,
  mean: usize,
  logDeviation: usize,
  action: usize,
  slope: usize,
  entropySlope: f32,
  rows: usize,
  size: usize,
): void {
  for (let index: usize = 0; index < size; index++) {
    const inverseScale = expOf(-load<f32>(logDeviation + (index << 2)));
    let sum: f32 = 0;
    for (let row: usize = 0; row < rows; row++) {
      const at = (row * size + index) << 2;
      const rowSlope = load<f32>(slope + (row << 2));
      const z = (load<f32>(action + at) - load<f32>(mean + at)) * inverseScale;
      store<f32>(meanGradient + at, rowSlope * z * inverseScale);
      sum += rowSlope * (z * z - 1);
    }
    store<f32>(logDeviationGradient + (index << 2), sum + <f32>rows * entropySlope);
  }
}
