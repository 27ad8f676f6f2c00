// Bias and activation of a layer, in place, forwards and backwards.

import { tanh4 } from './tanh';

/** Numbers of the activations, shared with `activationNumbers` in kernel-exports.ts. */
const none: i32 = 0;
const relu: i32 = 1;
const tanh: i32 = 2;

// @ts-ignore: decorator
@inline
function activated(x: v128, activation: i32): v128 {
  // pmax(x, 0) is x < 0 ? 0 : x, one instruction, and lets NaN through; max, the same for NaN, takes eight.
  if (activation === relu) return f32x4.pmax(x, f32x4.splat(0));
  if (activation === tanh) return tanh4(x);
  return x;
}

// @ts-ignore: decorator
@inline
function derivative(gradient: v128, y: v128, activation: i32): v128 {
  if (activation === relu) return v128.and(gradient, f32x4.gt(y, f32x4.splat(0)));
  if (activation === tanh) return f32x4.mul(gradient, f32x4.sub(f32x4.splat(1), f32x4.mul(y, y)));
  return gradient;
}

// The loops are inlined once for each activation: with the choice inside they took twice as long.

// @ts-ignore: decorator
@inline
function biasRows(y: usize, bias: usize, rows: usize, columns: usize, activation: i32): void {
  const whole = columns & ~3;
  for (let row: usize = 0; row < rows; row++) {
    for (let column: usize = 0; column < whole; column += 4) {
      v128.store(y, activated(f32x4.add(v128.load(y), v128.load(bias + (column << 2))), activation));
      y += 16;
    }
    for (let column = whole; column < columns; column++) {
      const x = f32x4.splat(load<f32>(y) + load<f32>(bias + (column << 2)));
      store<f32>(y, f32x4.extract_lane(activated(x, activation), 0));
      y += 4;
    }
  }
}

/** y[rows, columns] = activation(y + bias[columns]) */
export function biasActivation(y: usize, bias: usize, rows: usize, columns: usize, activation: i32): void {
  if (activation === relu) biasRows(y, bias, rows, columns, relu);
  else if (activation === tanh) biasRows(y, bias, rows, columns, tanh);
  else biasRows(y, bias, rows, columns, none);
}

// @ts-ignore: decorator
@inline
function backwardValues(gradient: usize, y: usize, count: usize, activation: i32): void {
  const vectorsEnd = gradient + ((count & ~3) << 2);
  const end = gradient + (count << 2);
  while (gradient < vectorsEnd) {
    v128.store(gradient, derivative(v128.load(gradient), v128.load(y), activation));
    gradient += 16;
    y += 16;
  }
  while (gradient < end) {
    const g = derivative(f32x4.splat(load<f32>(gradient)), f32x4.splat(load<f32>(y)), activation);
    store<f32>(gradient, f32x4.extract_lane(g, 0));
    gradient += 4;
    y += 4;
  }
}

/** gradient[count] *= activation'(·), from the activation's output y. */
export function activationBackward(gradient: usize, y: usize, count: usize, activation: i32): void {
  if (activation === relu) backwardValues(gradient, y, count, relu);
  else if (activation === tanh) backwardValues(gradient, y, count, tanh);
}
