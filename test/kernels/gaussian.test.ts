import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { numericalGradient, uniformStream, uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

const samples = fc.record({
  rows: fc.integer({ min: 1, max: 6 }),
  size: fc.integer({ min: 1, max: 5 }),
  seed: fc.integer(),
});

interface Actions {
  readonly mean: ArrayLike<number>;
  readonly logStd: ArrayLike<number>;
  readonly action: ArrayLike<number>;
}

/** Log-densities of the rows, in f64. */
function logDensities({ mean, logStd, action }: Actions, rows: number): number[] {
  const size = logStd.length;
  return Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let index = 0; index < size; index++) {
      const scale = Math.exp(logStd[index] ?? 0);
      const z = ((action[row * size + index] ?? 0) - (mean[row * size + index] ?? 0)) / scale;
      sum -= (z * z) / 2 + Math.log(scale) + Math.log(2 * Math.PI) / 2;
    }
    return sum;
  });
}

function entropyOf(logStd: ArrayLike<number>): number {
  return Array.from(logStd).reduce((sum, log) => sum + log + Math.log(2 * Math.PI * Math.E) / 2, 0);
}

it('gives log-densities and entropies, and the gradients of both', () => {
  fc.assert(
    fc.property(samples, ({ rows, size, seed }) => {
      const mean = Float64Array.from(uniformValues(rows * size, seed));
      const logStd = Float64Array.from(uniformValues(size, seed + 1));
      const action = uniformValues(rows * size, seed + 2).map((value) => 2 * value);
      const slope = uniformValues(rows, seed + 3);
      memory.reset();
      const [logProbability, entropy] = [memory.room(rows * 4), memory.room(rows * 4)];
      const [means, logStds, actions] = [memory.f32(mean), memory.f32(logStd), memory.f32(action)];
      kernels.gaussianEvaluate(logProbability, entropy, means, logStds, actions, rows, size);
      const expected = logDensities({ mean, logStd, action }, rows);
      expect(differenceOf(memory.floats(logProbability, rows), expected)).toBeUndefined();
      const entropies = new Float64Array(rows).fill(entropyOf(logStd));
      expect(differenceOf(memory.floats(entropy, rows), entropies)).toBeUndefined();

      const [meanGradient, logStdGradient] = [memory.room(rows * size * 4), memory.room(size * 4)];
      const slopes = memory.f32(slope);
      kernels.gaussianBackward(meanGradient, logStdGradient, means, logStds, actions, slopes, -0.3, rows, size);
      const loss = () => {
        const logs = logDensities({ mean, logStd, action }, rows);
        return logs.reduce((sum, log, row) => sum + (slope[row] ?? 0) * log, 0) - 0.3 * rows * entropyOf(logStd);
      };
      const tolerance = { relative: 1e-5, absolute: 1e-5 };
      expect(
        differenceOf(memory.floats(meanGradient, rows * size), numericalGradient(mean, loss), tolerance),
      ).toBeUndefined();
      expect(
        differenceOf(memory.floats(logStdGradient, size), numericalGradient(logStd, loss), tolerance),
      ).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

describe('the quantiles of the normal distribution', () => {
  it.each([
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.025, -1.959963984540054],
    [0.9, 1.2815515655446004],
    [0.999, 3.090232306167813],
    [1e-9, -5.9978070150076865],
    [1e-15, -7.941345326170998],
  ])('%f: %f', (probability, quantile) => {
    expect(differenceOf([kernels.normalQuantile(probability)], [quantile], { relative: 1e-6, absolute: 1e-7 })).toBe(
      undefined,
    );
  });

  it('are finite at the ends of the unit interval', () => {
    expect(kernels.normalQuantile(0)).toBeLessThan(-8);
    expect(kernels.normalQuantile(0)).toBeGreaterThan(-9);
    expect(kernels.normalQuantile(1 - 2 ** -53)).toBeGreaterThan(8);
  });
});

describe('drawing', () => {
  const [mean, logStd] = [
    [0.5, -2],
    [-1, 0.7],
  ];

  it('has the mean and the spread that it is given, and notes the density', () => {
    const uniform = uniformStream(5);
    const draws = 20_000;
    const sums = [0, 0];
    const squares = [0, 0];
    for (let draw = 0; draw < draws; draw++) {
      memory.reset();
      const [action, logProbability] = [memory.room(8), memory.room(4)];
      const uniforms = memory.f64([uniform(), uniform()]);
      kernels.gaussianAct(action, logProbability, memory.f32(mean), memory.f32(logStd), 2, uniforms);
      const drawn = memory.floats(action, 2);
      const [density = 0] = logDensities({ mean, logStd, action: drawn }, 1);
      expect(memory.floats(logProbability, 1)[0]).toBeCloseTo(density, 4);
      drawn.forEach((value, index) => {
        const z = (value - (mean[index] ?? 0)) / Math.exp(logStd[index] ?? 0);
        sums[index] = (sums[index] ?? 0) + z;
        squares[index] = (squares[index] ?? 0) + z * z;
      });
    }
    for (const sum of sums) expect(Math.abs(sum / draws)).toBeLessThan(6 / Math.sqrt(draws));
    for (const sum of squares) expect(Math.abs(sum / draws - 1)).toBeLessThan(6 * Math.sqrt(2 / draws));
  });

  it('takes the means where there is nothing to draw by', () => {
    memory.reset();
    const [action, logProbability] = [memory.room(8), memory.room(4)];
    kernels.gaussianAct(action, logProbability, memory.f32(mean), memory.f32(logStd), 2, 0);
    expect([...memory.floats(action, 2)]).toEqual(mean);
  });
});
