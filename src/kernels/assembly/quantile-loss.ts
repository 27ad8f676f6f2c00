// The loss of implicit quantile networks with its gradient: Dabney et al. 2018, arXiv 1806.06923, equations 2 and 3.

import { maskedArgmax } from './argmax';
import { horizontalSum } from './reduction';

/**
 * For each row: a' = argmax of nextMean among the legal actions, target[j] = return + bootstrap · nextValue[j, a'],
 * δ[i, j] = target[j] − z[i, a], and loss = mean over rows, i and j of weight · |τ[i] − 1(δ < 0)| · Huber₁(δ), with
 * Huber₁(δ) = δ²/2 for |δ| ≤ 1, else |δ| − ½. A next state without a legal action has the value 0.
 *
 * @param zGradient out f32 [rows, quantiles, actions]: dloss/dz
 * @param target out f32 [rows, quantiles]
 * @param tdError out f32 [rows]: mean target − mean z(s, a)
 * @param figures out f64 [3]: loss, mean of z(s, a), mean of |td|
 * @param z f32 [rows, quantiles, actions]: the online network's quantile values
 * @param tau f32 [rows, quantiles]: the fractions they belong to
 * @param nextMean f32 [rows, actions]: what chooses a', the online network's mean over its quantiles
 * @param nextValue f32 [rows, quantiles, actions]: the target network's quantile values
 * @param nextLegal u8 [rows, actions], or 0 where all actions are legal
 */
export function quantileLoss(
  zGradient: usize,
  target: usize,
  tdError: usize,
  figures: usize,
  z: usize,
  tau: usize,
  nextMean: usize,
  nextValue: usize,
  action: usize,
  nStepReturn: usize,
  bootstrapDiscount: usize,
  weight: usize,
  nextLegal: usize,
  rows: usize,
  quantiles: usize,
  actions: usize,
): void {
  const share: f32 = <f32>1 / <f32>(rows * quantiles * quantiles);
  const step = actions << 2;
  let loss: f64 = 0;
  let valueSum: f64 = 0;
  let absoluteSum: f64 = 0;
  memory.fill(zGradient, 0, (rows * quantiles * actions) << 2);
  for (let row: usize = 0; row < rows; row++) {
    const legal = nextLegal === 0 ? 0 : nextLegal + row * actions;
    const best = maskedArgmax(nextMean + row * step, <i32>actions, legal);
    const bootstrap = best < 0 ? <f32>0 : load<f32>(bootstrapDiscount + (row << 2));
    const nextChosen = nextValue + (best < 0 ? 0 : (<usize>best) << 2);
    const chosen = load<u32>(action + (row << 2)) << 2;
    const reward = load<f32>(nStepReturn + (row << 2));
    const importance = load<f32>(weight + (row << 2));
    let targetSum: f32 = 0;
    let rowSum: f32 = 0;
    for (let quantile: usize = 0; quantile < quantiles; quantile++) {
      const value = reward + bootstrap * load<f32>(nextChosen + quantile * step);
      store<f32>(target + (quantile << 2), value);
      targetSum += value;
    }
    for (let quantile: usize = 0; quantile < quantiles; quantile++) {
      const value = load<f32>(z + chosen);
      const rowLoss = quantileRow(zGradient + chosen, target, value, load<f32>(tau), quantiles, -importance * share);
      loss += <f64>(importance * rowLoss);
      rowSum += value;
      z += step;
      zGradient += step;
      tau += 4;
    }
    const td = (targetSum - rowSum) / <f32>quantiles;
    store<f32>(tdError + (row << 2), td);
    valueSum += <f64>(rowSum / <f32>quantiles);
    absoluteSum += <f64>abs(td);
    target += quantiles << 2;
    nextValue += quantiles * step;
  }
  store<f64>(figures, loss / <f64>(rows * quantiles * quantiles));
  store<f64>(figures, valueSum / <f64>rows, 8);
  store<f64>(figures, absoluteSum / <f64>rows, 16);
}

/** One quantile against all targets: returns the sum of its losses and stores `scale` × the sum of their slopes. */
// @ts-ignore: decorator
@inline
function quantileRow(slope: usize, target: usize, value: f32, tau: f32, count: usize, scale: f32): f32 {
  const one = f32x4.splat(1);
  const values = f32x4.splat(value);
  const taus = f32x4.splat(tau);
  const whole = count & ~3;
  let losses = f32x4.splat(0);
  let slopes = f32x4.splat(0);
  for (let at: usize = 0; at < whole; at += 4) {
    const difference = f32x4.sub(v128.load(target + (at << 2)), values);
    const isBelow = f32x4.lt(difference, f32x4.splat(0));
    const asymmetry = f32x4.abs(f32x4.sub(taus, v128.and(isBelow, one)));
    // pmin and pmax in this order let NaN through to the loss, where it is seen.
    const clipped = f32x4.pmin(f32x4.pmax(difference, f32x4.splat(-1)), one);
    const huber = f32x4.mul(clipped, f32x4.sub(difference, f32x4.mul(f32x4.splat(0.5), clipped)));
    losses = f32x4.add(losses, f32x4.mul(asymmetry, huber));
    slopes = f32x4.add(slopes, f32x4.mul(asymmetry, clipped));
  }
  let lossSum = horizontalSum(losses);
  let slopeSum = horizontalSum(slopes);
  for (let at = whole; at < count; at++) {
    const difference = load<f32>(target + (at << 2)) - value;
    const asymmetry: f32 = abs(difference < 0 ? tau - 1 : tau);
    const clipped: f32 = difference > 1 ? 1 : difference < -1 ? -1 : difference;
    lossSum += asymmetry * clipped * (difference - <f32>0.5 * clipped);
    slopeSum += asymmetry * clipped;
  }
  store<f32>(slope, scale * slopeSum);
  return lossSum;
}
