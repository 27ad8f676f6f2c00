import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epsilonAt } from '#marlin/actor/exploration.js';
import { RewardWindow } from '#marlin/actor/reward-window.js';

describe('ε', () => {
  const byEpoch = { start: 0.9, end: 0.1, duration: 8, unit: 'epochs' } as const;

  it('falls linearly from start to end, by epochs or by turns, and then stays', () => {
    expect([0, 2, 4, 8, 9, 1e9].map((epoch) => epsilonAt(byEpoch, epoch, 123_456))).toEqual([
      0.9,
      expect.closeTo(0.7, 12),
      expect.closeTo(0.5, 12),
      0.1,
      0.1,
      0.1,
    ]);
    expect([0, 4, 8].map((turn) => epsilonAt({ ...byEpoch, unit: 'turns' }, 77, turn))).toEqual([
      0.9,
      expect.closeTo(0.5, 12),
      0.1,
    ]);
  });

  it('lies between start and end, and is exact at both', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const duration = fc.integer({ min: 1, max: 1_000 });
    const property = fc.property(share, share, duration, fc.nat(2_000), (start, end, length, epoch) => {
      const schedule = { start, end, duration: length, unit: 'epochs' } as const;
      const epsilon = epsilonAt(schedule, epoch, 0);
      if (epoch >= length) return epsilon === end;
      const slack = 1e-15;
      const isBetween = epsilon >= Math.min(start, end) - slack && epsilon <= Math.max(start, end) + slack;
      return isBetween && epsilonAt(schedule, 0, 0) === start;
    });
    expect(fc.check(property).counterexample).toBeNull();
  });

  it('may be multiplied by a factor each epoch or turn, down to an end', () => {
    const decay = { kind: 'decay', start: 0.8, end: 0.1, factor: 0.5, unit: 'epochs' } as const;
    expect([0, 1, 2, 3, 4, 1e9].map((epoch) => epsilonAt(decay, epoch, 77))).toEqual([0.8, 0.4, 0.2, 0.1, 0.1, 0.1]);
    expect([0, 1, 2].map((turn) => epsilonAt({ ...decay, unit: 'turns' }, 77, turn))).toEqual([0.8, 0.4, 0.2]);
    const slow = { ...decay, start: 0.6, end: 0, factor: 0.9995 };
    for (const epoch of [1, 7, 100, 1_000, 4_321]) {
      expect(epsilonAt(slow, epoch, 0)).toBeCloseTo(0.6 * 0.9995 ** epoch, 12);
    }
  });
});

describe('the window of the last 100 rewards', () => {
  it('is the mean of what it holds', () => {
    const reward = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    const property = fc.property(fc.array(reward, { minLength: 1, maxLength: 350 }), (rewards) => {
      const window = new RewardWindow();
      for (const one of rewards) window.add(one);
      const held = rewards.slice(-100);
      const mean = held.reduce((sum, one) => sum + one, 0) / held.length;
      return Math.abs(window.mean - mean) <= 1e-6 && window.reaches(-1e9) === rewards.length >= 100;
    });
    expect(fc.check(property).counterexample).toBeNull();
  });

  it('has none while it is empty', () => {
    expect(new RewardWindow().mean).toBeNaN();
    expect(new RewardWindow().reaches(-1e9)).toBe(false);
  });
});
