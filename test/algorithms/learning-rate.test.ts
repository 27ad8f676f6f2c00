import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { learningRateAt, learningRateSchema } from '#marlin/algorithms/learning-rate.js';
import { owedTrainSteps, turnsAtTrainStep } from '#marlin/algorithms/training-rate.js';

const rate = { trainInterval: 4, gradientSteps: 3, learningStarts: 10 };

describe('the turns of a training step', () => {
  it('are those after which it came to be owed', () => {
    for (let step = 1; step < 50; step++) {
      const turns = turnsAtTrainStep(step, rate);
      expect(owedTrainSteps(turns, rate)).toBeGreaterThanOrEqual(step);
      expect(owedTrainSteps(turns - 1, rate)).toBeLessThan(step);
    }
  });
});

describe('a learning rate', () => {
  it('may be constant', () => {
    expect(learningRateAt(0.1, 1_000, rate)).toBe(0.1);
  });

  it('falls linearly over training steps, and stays', () => {
    const schedule = v.parse(learningRateSchema, { start: 1, end: 0.5, duration: 4, unit: 'trainSteps' });
    expect([1, 2, 3, 4, 5, 6, 100].map((step) => learningRateAt(schedule, step, rate))).toEqual([
      1, 0.875, 0.75, 0.625, 0.5, 0.5, 0.5,
    ]);
  });

  it('falls linearly over turns, by the turns that made a step owed', () => {
    const schedule = v.parse(learningRateSchema, { start: 1, end: 0, duration: 20 });
    // Steps 1–3 are owed after 14 turns, 4–6 after 18, then 22.
    const rates = [1, 3, 4, 6, 7].map((step) => learningRateAt(schedule, step, rate));
    const expected = [0.3, 0.3, 0.1, 0.1, 0];
    rates.forEach((value, index) => expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 12));
  });
});
