import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rolloutEnd } from '#marlin/buffer/rollout-batch.js';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { numericalGradient, uniformStream, uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

const meanOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

const varianceOf = (values: ArrayLike<number>): number => {
  const mean = meanOf(values);
  return meanOf(Array.from(values, (value) => (value - mean) ** 2));
};

interface Rollouts {
  readonly turns: number;
  readonly rings: number;
  readonly seed: number;
}

const rollouts = fc.record({
  turns: fc.integer({ min: 1, max: 20 }),
  rings: fc.integer({ min: 1, max: 3 }),
  seed: fc.integer(),
});

function rolloutOf({ turns, rings, seed }: Rollouts) {
  const uniform = uniformStream(seed);
  const size = turns * rings;
  const cutValue: number[] = [];
  const end: number[] = [];
  const cutRow: number[] = [];
  for (let step = 0; step < size; step++) {
    const isLast = step % turns === turns - 1;
    const kind = uniform() < 0.2 ? rolloutEnd.terminated : isLast || uniform() < 0.2 ? rolloutEnd.cut : rolloutEnd.none;
    end.push(kind);
    cutRow.push(kind === rolloutEnd.cut ? cutValue.push(Math.fround(uniform())) - 1 : -1);
  }
  return { size, end, cutRow, cutValue, reward: uniformValues(size, seed + 1), value: uniformValues(size, seed + 2) };
}

/** Advantages as the sums that define them: Σ (γλ)ᵏ δ, from each step to the end of what belongs to it. */
function advantagesOf(
  { end, cutRow, cutValue, reward, value }: ReturnType<typeof rolloutOf>,
  discount: number,
  lambda: number,
) {
  const errors = end.map((kind, step) => {
    const next = kind === rolloutEnd.none ? value[step + 1] : kind === rolloutEnd.cut ? cutValue[cutRow[step] ?? 0] : 0;
    return (reward[step] ?? 0) + discount * (next ?? 0) - (value[step] ?? 0);
  });
  return errors.map((_, step) => {
    let sum = 0;
    for (let at = step, factor = 1; at < errors.length; at++, factor *= discount * lambda) {
      sum += factor * (errors[at] ?? 0);
      if (end[at] !== rolloutEnd.none) break;
    }
    return sum;
  });
}

describe('generalized advantages', () => {
  it('are discounted sums of errors that stop at terminations and cuts', () => {
    fc.assert(
      fc.property(rollouts, fc.constantFrom(0, 0.9, 1), fc.constantFrom(0, 0.8, 1), (sizes, discount, lambda) => {
        const rollout = rolloutOf(sizes);
        const { size, end, cutRow, cutValue, reward, value } = rollout;
        memory.reset();
        const [advantage, returns] = [memory.room(size * 4), memory.room(size * 4)];
        const offsets = [memory.f32(reward), memory.f32(value), memory.u8(end), memory.i32(cutRow)] as const;
        const cutValues = memory.f32(cutValue);
        const { rings, turns } = sizes;
        kernels.generalizedAdvantages(advantage, returns, ...offsets, cutValues, rings, turns, discount, lambda);
        const expected = advantagesOf(rollout, discount, lambda);
        expect(differenceOf(memory.floats(advantage, size), expected)).toBeUndefined();
        const sums = expected.map((own, step) => own + (value[step] ?? 0));
        expect(differenceOf(memory.floats(returns, size), sums)).toBeUndefined();
      }),
    );
  });

  it('are standardized by the deviation of the population', () => {
    for (const count of [2, 7, 300]) {
      const values = uniformValues(count, count).map((value) => 3 * value + 5);
      memory.reset();
      const x = memory.f32(values);
      kernels.standardize(x, count, 1e-8);
      const scale = Math.sqrt(varianceOf(values)) + 1e-8;
      const expected = values.map((value) => (value - meanOf(values)) / scale);
      expect(differenceOf(memory.floats(x, count), expected)).toBeUndefined();
    }
  });

  it('are all 0 once standardized where they are the same', () => {
    memory.reset();
    const x = memory.f32([3, 3, 3]);
    kernels.standardize(x, 3, 1e-8);
    expect([...memory.floats(x, 3)]).toEqual([0, 0, 0]);
  });
});

function shareOf(value: ArrayLike<number>, returns: ArrayLike<number>): number {
  memory.reset();
  const share = memory.room(8);
  kernels.explainedVariance(share, memory.f32(value), memory.f32(returns), returns.length);
  return memory.doubles(share, 1)[0] ?? Number.NaN;
}

it('explained variance is 1 for values that are right, 0 for constant ones, and 0 where nothing varies', () => {
  const returns = uniformValues(50, 1);
  const value = uniformValues(50, 2);
  expect(shareOf(returns, returns)).toBe(1);
  expect(shareOf(new Float32Array(50).fill(0.25), returns)).toBeCloseTo(0, 12);
  expect(shareOf(value, new Float32Array(50).fill(2))).toBe(0);
  const errors = returns.map((target, row) => target - (value[row] ?? 0));
  expect(shareOf(value, returns)).toBeCloseTo(1 - varianceOf(errors) / varianceOf(returns), 6);
});

it('a random order holds each number once, and puts each in each place as often', () => {
  const [count, draws] = [5, 20_000];
  memory.reset();
  const generator = memory.i32([1, 2, 3, 4]);
  const numbers = memory.room(count * 4);
  const seen = Array.from({ length: count * count }, () => 0);
  for (let draw = 0; draw < draws; draw++) {
    kernels.randomOrder(numbers, count, generator);
    const order = [...new Int32Array(memory.buffer, numbers, count)];
    expect(order.toSorted()).toEqual([0, 1, 2, 3, 4]);
    order.forEach((number, place) => (seen[number * count + place] = (seen[number * count + place] ?? 0) + 1));
  }
  const bound = 6 * Math.sqrt(draws * (1 / count) * (1 - 1 / count));
  for (const times of seen) expect(Math.abs(times - draws / count)).toBeLessThan(bound);
});

it('clips the surrogate, and gives its gradient and the figures beside it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer(), fc.constantFrom(0.1, 0.3), (rows, seed, clipRange) => {
      const log = Float64Array.from(uniformValues(rows, seed));
      const old = uniformValues(rows, seed + 1);
      const advantage = uniformValues(rows, seed + 2);
      const entropy = uniformValues(rows, seed + 3);
      memory.reset();
      const [slope, figures] = [memory.room(rows * 4), memory.room(32)];
      const inputs = [memory.f32(log), memory.f32(old), memory.f32(advantage), memory.f32(entropy)] as const;
      kernels.clippedSurrogate(slope, figures, ...inputs, rows, clipRange);
      const logRatios = () => log.map((value, row) => value - (old[row] ?? 0));
      const loss = () =>
        meanOf(
          logRatios().map((logRatio, row) => {
            const ratio = Math.exp(logRatio);
            const clipped = Math.min(1 + clipRange, Math.max(1 - clipRange, ratio));
            return -Math.min(ratio * (advantage[row] ?? 0), clipped * (advantage[row] ?? 0));
          }),
        );
      const ratios = logRatios();
      const divergence = meanOf(ratios.map((logRatio) => Math.exp(logRatio) - 1 - logRatio));
      const clipFraction = meanOf(ratios.map((logRatio) => (Math.abs(Math.exp(logRatio) - 1) > clipRange ? 1 : 0)));
      const expected = [loss(), meanOf(entropy), divergence, clipFraction];
      expect(differenceOf(memory.doubles(figures, 4), expected)).toBeUndefined();
      expect(differenceOf(memory.floats(slope, rows), numericalGradient(log, loss))).toBeUndefined();
    }),
  );
});

it('lets a ratio that is no number through to the loss', () => {
  memory.reset();
  const [slope, figures] = [memory.room(4), memory.room(32)];
  const [nan, zero] = [memory.f32([Number.NaN]), memory.f32([0])];
  kernels.clippedSurrogate(slope, figures, nan, zero, memory.f32([1]), zero, 1, 0.2);
  expect(memory.doubles(figures, 1)[0]).toBeNaN();
});

it('the value loss is half of the mean squared error', () => {
  const [rows, coefficient] = [7, 0.3];
  const value = Float64Array.from(uniformValues(rows, 1));
  const returns = uniformValues(rows, 2);
  memory.reset();
  const [gradient, loss] = [memory.room(rows * 4), memory.room(8)];
  kernels.valueLoss(gradient, loss, memory.f32(value), memory.f32(returns), rows, coefficient);
  const expected = () => meanOf(value.map((own, row) => (own - (returns[row] ?? 0)) ** 2)) / 2;
  expect(differenceOf(memory.doubles(loss, 1), [expected()])).toBeUndefined();
  const gradients = numericalGradient(value, () => coefficient * expected());
  expect(differenceOf(memory.floats(gradient, rows), gradients)).toBeUndefined();
});
