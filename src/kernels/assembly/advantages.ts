// From rewards and values to what a policy gradient goes by.

/** Numbers of `rolloutEnd` in src/buffer/rollout-batch.ts. */
const endNone: u8 = 0;
const endCut: u8 = 2;

/**
 * Generalized advantage estimation (Schulman et al. 2016, arXiv 1506.02438) over rollouts [rings, turns]:
 * δ = r + γV(s′) − V(s), A = δ + γλA′; the value behind a termination is 0, and neither it nor a cut hands A′ on.
 *
 * @param advantage out f32 [rings, turns]
 * @param returns out f32 [rings, turns]: advantage + value
 * @param end u8 [rings, turns]; the last step of each ring is no `none`
 * @param cutRow i32 [rings, turns]: place in `cutValue` of the value behind a step that was cut
 */
export function generalizedAdvantages(
  advantage: usize,
  returns: usize,
  reward: usize,
  value: usize,
  end: usize,
  cutRow: usize,
  cutValue: usize,
  rings: usize,
  turns: usize,
  discount: f64,
  lambda: f64,
): void {
  let trace: f64 = 0;
  for (let step = rings * turns; step > 0; ) {
    step--;
    const at = step << 2;
    const kind = load<u8>(end + step);
    const own = <f64>load<f32>(value + at);
    let next: f64 = 0;
    if (kind === endNone) next = load<f32>(value + at, 4);
    else if (kind === endCut) next = load<f32>(cutValue + (<usize>load<u32>(cutRow + at) << 2));
    const handedOn = kind === endNone ? discount * lambda * trace : 0;
    trace = <f64>load<f32>(reward + at) + discount * next - own + handedOn;
    store<f32>(advantage + at, <f32>trace);
    store<f32>(returns + at, <f32>(trace + own));
  }
}

// @ts-ignore: decorator
@inline
function meanOf(x: usize, count: usize): f64 {
  let sum: f64 = 0;
  for (let index: usize = 0; index < count; index++) sum += <f64>load<f32>(x + (index << 2));
  return sum / <f64>count;
}

/** x[count] = (x − mean) / (standard deviation of the population + `epsilon`) */
export function standardize(x: usize, count: usize, epsilon: f64): void {
  const mean = meanOf(x, count);
  let squares: f64 = 0;
  for (let index: usize = 0; index < count; index++) {
    const distance = <f64>load<f32>(x + (index << 2)) - mean;
    squares += distance * distance;
  }
  const scale = 1 / (sqrt(squares / <f64>count) + epsilon);
  for (let index: usize = 0; index < count; index++) {
    const at = x + (index << 2);
    store<f32>(at, <f32>((<f64>load<f32>(at) - mean) * scale));
  }
}

/**
 * Writes, as f64, the share of the variance of returns[count] that value[count] explains: 1 − Var(returns − value) /
 * Var(returns), and 0 where the returns do not vary.
 */
export function explainedVariance(share: usize, value: usize, returns: usize, count: usize): void {
  const returnMean = meanOf(returns, count);
  const errorMean = returnMean - meanOf(value, count);
  let returnSquares: f64 = 0;
  let errorSquares: f64 = 0;
  for (let index: usize = 0; index < count; index++) {
    const at = index << 2;
    const target = <f64>load<f32>(returns + at);
    const error = target - <f64>load<f32>(value + at) - errorMean;
    returnSquares += (target - returnMean) * (target - returnMean);
    errorSquares += error * error;
  }
  store<f64>(share, returnSquares === 0 ? 0 : 1 - errorSquares / returnSquares);
}
