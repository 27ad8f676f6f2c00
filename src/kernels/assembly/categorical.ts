// Independent categorical choices, of which a plain discrete action is one. A row of logits has the options of all
// choices one behind the other, as has a row of the mask; counts i32 [choices]. An illegal option has the logit −∞.

import { expOf, logOf } from './logarithm';

/**
 * Turns the logits of one choice into log-probabilities, in place. False where the mask leaves no option.
 * @param legal u8 [count], or 0 where all options are legal
 */
// @ts-ignore: decorator
@inline
function logSoftmax(x: usize, legal: usize, count: usize): bool {
  let largest: f32 = -Infinity;
  let any = false;
  for (let option: usize = 0; option < count; option++) {
    if (legal !== 0 && load<u8>(legal + option) === 0) continue;
    const value = load<f32>(x + (option << 2));
    if (!any || value > largest) largest = value;
    any = true;
  }
  let sum: f32 = 0;
  for (let option: usize = 0; option < count; option++) {
    if (legal !== 0 && load<u8>(legal + option) === 0) continue;
    sum += expOf(load<f32>(x + (option << 2)) - largest);
  }
  const logSum = logOf(sum);
  for (let option: usize = 0; option < count; option++) {
    const at = x + (option << 2);
    const isLegal = legal === 0 || load<u8>(legal + option) !== 0;
    store<f32>(at, isLegal ? load<f32>(at) - largest - logSum : -Infinity);
  }
  return any;
}

// @ts-ignore: decorator
@inline
function isImpossible(logProbability: f32): bool {
  return logProbability === -Infinity;
}

/** The option at which the summed probabilities pass `uniform`; the last possible one where rounding keeps them below. */
// @ts-ignore: decorator
@inline
function drawnOption(logProbabilities: usize, count: usize, uniform: f64): usize {
  let left = uniform;
  let drawn: usize = 0;
  for (let option: usize = 0; option < count; option++) {
    const logProbability = load<f32>(logProbabilities + (option << 2));
    if (isImpossible(logProbability)) continue;
    drawn = option;
    left -= <f64>expOf(logProbability);
    if (left < 0) break;
  }
  return drawn;
}

// @ts-ignore: decorator
@inline
function likeliestOption(logProbabilities: usize, count: usize): usize {
  let likeliest: usize = 0;
  for (let option: usize = 1; option < count; option++) {
    if (load<f32>(logProbabilities + (option << 2)) > load<f32>(logProbabilities + (likeliest << 2))) likeliest = option;
  }
  return likeliest;
}

/**
 * Chooses one option of each choice. Returns false, and no action, where the mask leaves some choice none.
 *
 * @param action out i32 [choices]
 * @param logProbability out f32 [1]: of the whole action
 * @param logits f32 [options]; log-probabilities afterwards
 * @param uniforms f64 [choices] in [0, 1), or 0: the likeliest options, the first of equals
 */
export function categoricalAct(
  action: usize,
  logProbability: usize,
  logits: usize,
  legal: usize,
  counts: usize,
  choices: usize,
  uniforms: usize,
): bool {
  let total: f32 = 0;
  for (let choice: usize = 0; choice < choices; choice++) {
    const count = <usize>load<u32>(counts + (choice << 2));
    if (!logSoftmax(logits, legal, count)) return false;
    const chosen =
      uniforms === 0
        ? likeliestOption(logits, count)
        : drawnOption(logits, count, load<f64>(uniforms + (choice << 3)));
    store<u32>(action + (choice << 2), <u32>chosen);
    total += load<f32>(logits + (chosen << 2));
    logits += count << 2;
    if (legal !== 0) legal += count;
  }
  store<f32>(logProbability, total);
  return true;
}

/**
 * Log-probability of each row's action, and entropy of each row: sums over the choices.
 *
 * @param logProbability out f32 [rows]
 * @param entropy out f32 [rows]
 * @param logits f32 [rows, options]; log-probabilities afterwards
 * @param action i32 [rows, choices]
 * @param legal u8 [rows, options], or 0
 */
export function categoricalEvaluate(
  logProbability: usize,
  entropy: usize,
  logits: usize,
  action: usize,
  legal: usize,
  counts: usize,
  choices: usize,
  rows: usize,
): void {
  for (let row: usize = 0; row < rows; row++) {
    let total: f32 = 0;
    let rowEntropy: f32 = 0;
    for (let choice: usize = 0; choice < choices; choice++) {
      const count = <usize>load<u32>(counts + (choice << 2));
      logSoftmax(logits, legal, count);
      total += load<f32>(logits + (<usize>load<u32>(action) << 2));
      rowEntropy += entropyOf(logits, count);
      action += 4;
      logits += count << 2;
      if (legal !== 0) legal += count;
    }
    store<f32>(logProbability + (row << 2), total);
    store<f32>(entropy + (row << 2), rowEntropy);
  }
}

/** −Σ p log p, where 0 · log 0 = 0 */
// @ts-ignore: decorator
@inline
function entropyOf(logProbabilities: usize, count: usize): f32 {
  let entropy: f32 = 0;
  for (let option: usize = 0; option < count; option++) {
    const logProbability = load<f32>(logProbabilities + (option << 2));
    if (!isImpossible(logProbability)) entropy -= expOf(logProbability) * logProbability;
  }
  return entropy;
}

/**
 * Gradient of the logits: with log p(a) and the entropy H of one choice, ∂log p(a)/∂x_j = 1(j = a) − p_j and
 * ∂H/∂x_j = −p_j (log p_j + H).
 *
 * @param gradient out f32 [rows, options]
 * @param logProbabilities f32 [rows, options], as {@link categoricalEvaluate} left them
 * @param slope f32 [rows]: dloss/dlog-probability
 * @param entropySlope dloss/dentropy of each row
 */
export function categoricalBackward(
  gradient: usize,
  logProbabilities: usize,
  action: usize,
  slope: usize,
  entropySlope: f32,
  counts: usize,
  choices: usize,
  rows: usize,
): void {
  for (let row: usize = 0; row < rows; row++) {
    const rowSlope = load<f32>(slope + (row << 2));
    for (let choice: usize = 0; choice < choices; choice++) {
      const count = <usize>load<u32>(counts + (choice << 2));
      const entropy = entropyOf(logProbabilities, count);
      for (let option: usize = 0; option < count; option++) {
        const at = option << 2;
        const logProbability = load<f32>(logProbabilities + at);
        const isPossible = !isImpossible(logProbability);
        const probability: f32 = isPossible ? expOf(logProbability) : 0;
        const byEntropy: f32 = isPossible ? entropySlope * probability * (logProbability + entropy) : 0;
        store<f32>(gradient + at, -rowSlope * probability - byEntropy);
      }
      const chosen = gradient + (<usize>load<u32>(action) << 2);
      store<f32>(chosen, load<f32>(chosen) + rowSlope);
      action += 4;
      logProbabilities += count << 2;
      gradient += count << 2;
    }
  }
}
