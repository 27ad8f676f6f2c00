import { describe, expect, it } from 'vitest';
import { CartPole } from '#marlin/games/cartpole/cart-pole.js';
import { testStream } from '../environment/streams.js';
import { differenceOf } from '../kernels/difference.js';

const [left, right] = [0, 1];
const exact = { relative: 1e-13, absolute: 1e-15 };

function after(start: readonly number[], ...actions: readonly number[]): CartPole {
  const cart = new CartPole();
  cart.state.set(start);
  for (const action of actions) cart.step(action);
  return cart;
}

/**
 * One step, from the two equations of motion as they stand before they are solved: with M the cart's mass, m the pole's
 * and l half its length,
 * (M + m) ẍ + m l cos θ · θ̈ = F + m l θ̇² sin θ and cos θ · ẍ + 4⁄3 l θ̈ = g sin θ, solved by Cramer's rule.
 */
function stepByCramer([x, velocity, angle, angularVelocity]: readonly number[], action: number): number[] {
  const [cart, pole, half, gravity, time] = [1, 0.1, 0.5, 9.8, 0.02];
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const force = (action === right ? 10 : -10) + pole * half * angularVelocity ** 2 * sine;
  const determinant = (cart + pole) * (4 / 3) * half - pole * half * cosine * cosine;
  const acceleration = (force * (4 / 3) * half - pole * half * cosine * gravity * sine) / determinant;
  const angularAcceleration = ((cart + pole) * gravity * sine - cosine * force) / determinant;
  return [
    x + time * velocity,
    velocity + time * acceleration,
    angle + time * angularVelocity,
    angularVelocity + time * angularAcceleration,
  ];
}

describe('a cart-pole', () => {
  it('starts to move as reckoned by hand', () => {
    // At rest and upright the equations are 1.1 ẍ + 0.05 θ̈ = 10 and ẍ + 2⁄3 θ̈ = 0: ẍ = 400⁄41, θ̈ = −600⁄41, over 0.02 s.
    const first = [0, 8 / 41, 0, -12 / 41];
    expect(differenceOf(after([0, 0, 0, 0], right).state, first, exact)).toBeUndefined();
    expect(differenceOf(after([0, 0, 0, 0], left).state, [0, -8 / 41, 0, 12 / 41], exact)).toBeUndefined();
    // Euler's method moves cart and pole only in the second step; upright, the push is the same again.
    const second = [0.16 / 41, 16 / 41, -0.24 / 41, -24 / 41];
    expect(differenceOf(after([0, 0, 0, 0], right, right).state, second, exact)).toBeUndefined();
  });

  it('goes on as worked out with 40 digits', () => {
    const cart = after([0.03, -0.02, 0.04, 0.01], right, right, left, right, left);
    const expected = [0.05130539979421958, 0.17285032220042346, 0.008267974067390235, -0.23259649347508332];
    expect(differenceOf(cart.state, expected, exact)).toBeUndefined();
  });

  it('moves as its equations of motion say, wherever it is', () => {
    const random = testStream();
    for (let count = 0; count < 2000; count++) {
      const start = [2.4, 3, 0.21, 3].map((range) => (2 * random.uniform() - 1) * range);
      const action = random.integer(2);
      const expected = stepByCramer(start, action);
      expect(differenceOf(after(start, action).state, expected, { relative: 1e-12, absolute: 1e-13 })).toBeUndefined();
    }
  });

  it.each([
    ['at the right end', [2.4, 0, 0, 0], false],
    ['beyond the right end', [2.4 + 2 ** -50, 0, 0, 0], true],
    ['at the left end', [-2.4, 0, 0, 0], false],
    ['beyond the left end', [-2.4 - 2 ** -50, 0, 0, 0], true],
    ['at 12° to the right', [0, 0, Math.PI / 15, 0], false],
    ['beyond 12° to the right', [0, 0, Math.PI / 15 + 2 ** -54, 0], true],
    ['at 12° to the left', [0, 0, -Math.PI / 15, 0], false],
    ['beyond 12° to the left', [0, 0, -Math.PI / 15 - 2 ** -54, 0], true],
    ['fast', [0, 50, 0, 4], false],
  ])('%s is lost: %j → %s', (_, start, isLost) => {
    expect(after(start, right).isTerminal).toBe(isLost);
  });

  it('is lost at the step that crosses the limit, not before', () => {
    const cart = after([2.39, 0.4, 0, 0], left);
    expect([cart.state[0], cart.isTerminal]).toEqual([2.39 + 0.02 * 0.4, false]);
    cart.step(left);
    expect(cart.isTerminal).toBe(true);
  });

  it('starts anew each of its four values evenly within ±0.05', () => {
    const cart = new CartPole();
    const random = testStream();
    const episodes = 20_000;
    const sums = [0, 0, 0, 0];
    const squares = [0, 0, 0, 0];
    let largest = 0;
    cart.isTerminal = true;
    for (let count = 0; count < episodes; count++) {
      cart.restart(random);
      cart.state.forEach((value, index) => {
        sums[index] += value;
        squares[index] += value * value;
        largest = Math.max(largest, Math.abs(value));
      });
    }
    expect(cart.isTerminal).toBe(false);
    expect(largest).toBeLessThanOrEqual(0.05);
    expect(largest).toBeGreaterThan(0.0499);
    // Variance 0.05²⁄3; of the square: 0.05⁴ (1⁄5 − 1⁄9). Four standard errors.
    for (const sum of sums) expect(Math.abs(sum / episodes)).toBeLessThan(4 * Math.sqrt(0.05 ** 2 / 3 / episodes));
    for (const square of squares) {
      const bound = 4 * Math.sqrt((0.05 ** 4 * (4 / 45)) / episodes);
      expect(Math.abs(square / episodes - 0.05 ** 2 / 3)).toBeLessThan(bound);
    }
  });
});
