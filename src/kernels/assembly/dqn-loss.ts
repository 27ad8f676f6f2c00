// The loss of (double) deep Q-learning with its gradient: Mnih et al. 2015; van Hasselt et al. 2016, arXiv 1509.06461.

import { maskedArgmax } from './argmax';

/**
 * For each row: target = return + bootstrap · Q_target(s', argmax_a' Q_select(s', a')), td = target − Q(s, a),
 * loss = mean over rows of weight · Huber_δ(td) with Huber_δ(x) = x²/2 for |x| ≤ δ, else δ(|x| − δ/2).
 * A next state without a legal action has the value 0.
 *
 * @param qGradient out f32 [rows, actions]: dloss/dQ
 * @param tdError out f32 [rows]
 * @param priority out f32 [rows]: |td|
 * @param figures out f64 [3]: loss, mean of Q(s, a), mean of |td|
 * @param q f32 [rows, actions]
 * @param nextSelect f32 [rows, actions]: what chooses a': the online network's Q, or for plain DQN again `nextValue`
 * @param nextValue f32 [rows, actions]: the target network's Q
 * @param nextLegal u8 [rows, actions], or 0 where all actions are legal
 */
export function dqnLoss(
  qGradient: usize,
  tdError: usize,
  priority: usize,
  figures: usize,
  q: usize,
  nextSelect: usize,
  nextValue: usize,
  action: usize,
  nStepReturn: usize,
  bootstrapDiscount: usize,
  weight: usize,
  nextLegal: usize,
  rows: usize,
  actions: usize,
  delta: f32,
): void {
  const share: f32 = <f32>1 / <f32>rows;
  let loss: f64 = 0;
  let qSum: f64 = 0;
  let absoluteSum: f64 = 0;
  memory.fill(qGradient, 0, (rows * actions) << 2);
  for (let row: usize = 0; row < rows; row++) {
    const first = (row * actions) << 2;
    const legal = nextLegal === 0 ? 0 : nextLegal + row * actions;
    const best = maskedArgmax(nextSelect + first, <i32>actions, legal);
    const bootstrap: f32 = best < 0 ? 0 : load<f32>(nextValue + first + ((<usize>best) << 2));
    const chosen = first + (load<u32>(action + (row << 2)) << 2);
    const value = load<f32>(q + chosen);
    const td = load<f32>(nStepReturn + (row << 2)) + load<f32>(bootstrapDiscount + (row << 2)) * bootstrap - value;
    const magnitude = abs(td);
    const importance = load<f32>(weight + (row << 2));
    const huber = magnitude <= delta ? <f32>0.5 * td * td : delta * (magnitude - <f32>0.5 * delta);
    store<f32>(tdError + (row << 2), td);
    store<f32>(priority + (row << 2), magnitude);
    // min and max would turn NaN into a bound; comparisons let it through to the norm, where it is seen.
    const slope = td > delta ? delta : td < -delta ? -delta : td;
    store<f32>(qGradient + chosen, -importance * slope * share);
    loss += <f64>(importance * huber);
    qSum += <f64>value;
    absoluteSum += <f64>magnitude;
  }
  store<f64>(figures, loss / <f64>rows);
  store<f64>(figures, qSum / <f64>rows, 8);
  store<f64>(figures, absoluteSum / <f64>rows, 16);
}
