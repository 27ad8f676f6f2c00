import { describe, expect, it } from 'vitest';
import { TwoLinks } from '#marlin/games/acrobot/two-links.js';
import { testStream } from '../environment/streams.js';
import { differenceOf } from '../kernels/difference.js';

const exact = { relative: 1e-12, absolute: 1e-14 };

function after(start: readonly number[], ...actions: readonly number[]): TwoLinks {
  const links = new TwoLinks();
  links.state.set(start);
  for (const action of actions) links.step(action);
  return links;
}

/**
 * d(state)/dt, from the equations of motion as they stand before they are solved (Lagrange's, with joint angles):
 * [a b; b c] · [θ̈₁; θ̈₂] = [p; q], solved by Cramer's rule. Every mass, length and moment of inertia is 1, every
 * centre of mass ½ from its joint.
 */
function slopeOf([angle1, angle2, velocity1, velocity2]: readonly number[], torque: number): number[] {
  const gravity = 9.8;
  const a = 3.5 + Math.cos(angle2);
  const b = 1.25 + 0.5 * Math.cos(angle2);
  const c = 1.25;
  const swing = 0.5 * Math.sin(angle2);
  const weight2 = 0.5 * gravity * Math.sin(angle1 + angle2);
  const weight1 = 1.5 * gravity * Math.sin(angle1) + weight2;
  const p = swing * (velocity2 * velocity2 + 2 * velocity1 * velocity2) - weight1;
  const q = torque - swing * velocity1 * velocity1 - weight2;
  const determinant = a * c - b * b;
  return [velocity1, velocity2, (p * c - b * q) / determinant, (a * q - b * p) / determinant];
}

/** `count` steps of the Runge-Kutta method within 0.2 s. */
function integrate(start: readonly number[], torque: number, count: number): number[] {
  const time = 0.2 / count;
  let state = [...start];
  const ahead = (slope: readonly number[], by: number): number[] => state.map((value, i) => value + by * slope[i]);
  for (let step = 0; step < count; step++) {
    const k1 = slopeOf(state, torque);
    const k2 = slopeOf(ahead(k1, time / 2), torque);
    const k3 = slopeOf(ahead(k2, time / 2), torque);
    const k4 = slopeOf(ahead(k3, time), torque);
    state = state.map((value, i) => value + (time / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]));
  }
  return state;
}

/** Kinetic and potential energy, from the speeds and heights of the two centres of mass. */
function energyOf([angle1, angle2, velocity1, velocity2]: Iterable<number>): number {
  const both = velocity1 + velocity2;
  const speed1 = 0.25 * velocity1 * velocity1;
  const speed2 = velocity1 * velocity1 + 0.25 * both * both + velocity1 * both * Math.cos(angle2);
  const height = -0.5 * Math.cos(angle1) - Math.cos(angle1) - 0.5 * Math.cos(angle1 + angle2);
  return 0.5 * (speed1 + speed2 + velocity1 * velocity1 + both * both) + 9.8 * height;
}

function randomStarts(count: number, ranges: readonly number[]): number[][] {
  const random = testStream();
  return Array.from({ length: count }, () => ranges.map((range) => (2 * random.uniform() - 1) * range));
}

describe('two links', () => {
  it('hang still without a torque', () => {
    const links = after([0, 0, 0, 0], 1, 1, 1);
    expect([...links.state]).toEqual([0, 0, 0, 0]);
    expect([links.reward, links.isTerminal]).toEqual([-1, false]);
  });

  it('move as worked out with 40 digits', () => {
    const links = after([0.05, -0.08, 0.1, 0.02], 2, 2, 0, 1, 0);
    const expected = [-0.019194558685207627, 0.18730877935215204, 0.21604208737653913, -0.6144462846529243];
    expect(differenceOf(links.state, expected, exact)).toBeUndefined();
  });

  it('mirror a torque to the other side', () => {
    const one = after([0.3, -0.4, 1, 2], 2, 0, 1);
    const other = after([-0.3, 0.4, -1, -2], 0, 2, 1);
    expect(other.state).toEqual(one.state.map((value) => -value));
  });

  it('take one Runge-Kutta step of their equations of motion', () => {
    for (const [index, start] of randomStarts(2000, [1.5, 1.5, 3, 3]).entries()) {
      const action = index % 3;
      const expected = integrate(start, action - 1, 1);
      expect(differenceOf(after(start, action).state, expected, { relative: 1e-11, absolute: 1e-12 })).toBeUndefined();
    }
  });

  it('come close to where a thousand smaller steps lead', () => {
    for (const [index, start] of randomStarts(300, [1, 1, 1, 1]).entries()) {
      const action = index % 3;
      const expected = integrate(start, action - 1, 1000);
      expect(differenceOf(after(start, action).state, expected, { relative: 0, absolute: 5e-3 })).toBeUndefined();
    }
  });

  it('keep their energy without a torque, as far as the method allows', () => {
    for (const start of randomStarts(100, [0.5, 0.5, 0.5, 0.5])) {
      const links = after(start, ...Array.from({ length: 10 }, () => 1));
      expect(Math.abs(energyOf(links.state) - energyOf(start))).toBeLessThan(0.02);
    }
  });

  it('turn on beyond ±π as the same angle', () => {
    const forwards = after([3.1, 0, 4, 0], 1);
    const backwards = after([-3.1, 0, -4, 0], 1);
    expect(forwards.state[0]).toBeLessThan(-2);
    expect(forwards.state[0]).toBeGreaterThanOrEqual(-Math.PI);
    expect(backwards.state[0]).toBe(-forwards.state[0]);
    const [unwrapped] = integrate([3.1, 0, 4, 0], 0, 1);
    expect(forwards.state[0]).toBeCloseTo(unwrapped - 2 * Math.PI, 10);
    const second = after([0, 3.1, 0, 4], 1);
    expect(second.state[1]).toBeLessThan(-2);
  });

  it('turn no faster than 4π and 9π a second', () => {
    const fast = after([1, 1, 14, 30], 2);
    const [, , velocity1, velocity2] = fast.state;
    expect(Math.abs(velocity1)).toBeLessThanOrEqual(4 * Math.PI);
    expect(Math.abs(velocity2)).toBeLessThanOrEqual(9 * Math.PI);
    expect(after([0, 0, 20, 0], 1).state.map(Math.abs)).toContain(4 * Math.PI);
    expect(after([0, 0, 0, 40], 1).state.map(Math.abs)).toContain(9 * Math.PI);
  });

  it('arrive where the free end is more than one link above the joint', () => {
    // Upright both ends are 2 above the joint; a little later they still are.
    const up = after([Math.PI, 0, 0, 0], 1);
    expect([up.isTerminal, up.reward]).toEqual([true, 0]);
    // First link level, second one straight up: exactly 1 above, and falling.
    const level = after([Math.PI / 2, Math.PI / 2, 0, 0], 1);
    expect([level.isTerminal, level.reward]).toEqual([false, -1]);
    const rising = after([Math.PI / 2, Math.PI / 2, 2, 0], 1);
    expect([rising.isTerminal, rising.reward]).toEqual([true, 0]);
  });

  it('arrive there and nowhere else', () => {
    for (const start of randomStarts(20_000, [Math.PI, Math.PI, 3, 3])) {
      const links = after(start, 1);
      const [angle1, angle2] = links.state;
      expect(links.isTerminal).toBe(-Math.cos(angle1) - Math.cos(angle1 + angle2) > 1);
    }
  });

  it('are seen by sines and cosines of their angles, and their velocities', () => {
    const links = after([0.3, -0.4, 1, 2]);
    const out = new Float32Array(6);
    links.observe(out);
    const expected = [Math.cos(0.3), Math.sin(0.3), Math.cos(-0.4), Math.sin(-0.4), 1, 2].map(Math.fround);
    expect([...out]).toEqual(expected);
  });

  it('start anew each of their four values evenly within ±0.1', () => {
    const links = new TwoLinks();
    const random = testStream();
    const episodes = 20_000;
    const sums = [0, 0, 0, 0];
    let largest = 0;
    links.isTerminal = true;
    for (let count = 0; count < episodes; count++) {
      links.restart(random);
      links.state.forEach((value, index) => {
        sums[index] += value;
        largest = Math.max(largest, Math.abs(value));
      });
    }
    expect(links.isTerminal).toBe(false);
    expect(largest).toBeLessThanOrEqual(0.1);
    expect(largest).toBeGreaterThan(0.0999);
    for (const sum of sums) expect(Math.abs(sum / episodes)).toBeLessThan(4 * Math.sqrt(0.1 ** 2 / 3 / episodes));
  });
});
