import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { numericalGradient, uniformStream, uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

interface Sample {
  readonly rows: number;
  readonly quantiles: number;
  readonly actions: number;
  readonly masked: boolean;
  readonly seed: number;
}

function inputsOf({ rows, quantiles, actions, masked, seed }: Sample) {
  const uniform = uniformStream(seed);
  return {
    z: uniformValues(rows * quantiles * actions, seed + 1).map((value) => 2 * value),
    tau: Float32Array.from({ length: rows * quantiles }, uniform),
    nextMean: uniformValues(rows * actions, seed + 2),
    nextValue: uniformValues(rows * quantiles * actions, seed + 3).map((value) => 2 * value),
    action: Int32Array.from({ length: rows }, () => Math.floor(uniform() * actions)),
    nStepReturn: uniformValues(rows, seed + 4),
    discount: Float32Array.from({ length: rows }, () => (uniform() < 0.3 ? 0 : 0.9)),
    weight: Float32Array.from({ length: rows }, () => (uniform() < 0.2 ? 0 : uniform())),
    legal: masked ? Uint8Array.from({ length: rows * actions }, () => (uniform() < 0.5 ? 1 : 0)) : undefined,
  };
}

/** The targets of one row, in f64. */
function targetsOf({ quantiles, actions }: Sample, inputs: ReturnType<typeof inputsOf>, row: number): number[] {
  const [best] = Array.from({ length: actions }, (_, action) => action)
    .filter((action) => inputs.legal === undefined || inputs.legal[row * actions + action] === 1)
    .toSorted(
      (left, right) => (inputs.nextMean[row * actions + right] ?? 0) - (inputs.nextMean[row * actions + left] ?? 0),
    );
  return Array.from({ length: quantiles }, (_, quantile) => {
    const next = best === undefined ? 0 : (inputs.nextValue[(row * quantiles + quantile) * actions + best] ?? 0);
    return (inputs.nStepReturn[row] ?? 0) + (inputs.discount[row] ?? 0) * next;
  });
}

/** The loss from its formula, in f64, with the value of the action taken for each row and quantile. */
function referenceLoss(sample: Sample, inputs: ReturnType<typeof inputsOf>, z: Float64Array) {
  const { rows, quantiles, actions } = sample;
  const targets = Array.from({ length: rows }, (_, row) => targetsOf(sample, inputs, row));
  const taken = (row: number, quantile: number) =>
    z[(row * quantiles + quantile) * actions + (inputs.action[row] ?? 0)] ?? 0;
  let loss = 0;
  targets.forEach((goals, row) => {
    for (let quantile = 0; quantile < quantiles; quantile++) {
      for (const goal of goals) {
        const delta = goal - taken(row, quantile);
        const size = Math.abs(delta);
        const huber = size <= 1 ? (delta * delta) / 2 : size - 0.5;
        const asymmetry = Math.abs((inputs.tau[row * quantiles + quantile] ?? 0) - (delta < 0 ? 1 : 0));
        loss += ((inputs.weight[row] ?? 0) * asymmetry * huber) / (rows * quantiles * quantiles);
      }
    }
  });
  return { loss, targets, taken };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

it('is the weighted quantile-Huber loss, with its gradient', () => {
  const samples = fc.record({
    rows: fc.integer({ min: 1, max: 5 }),
    quantiles: fc.integer({ min: 1, max: 9 }),
    actions: fc.integer({ min: 1, max: 5 }),
    masked: fc.boolean(),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(samples, (sample) => {
      const { rows, quantiles, actions } = sample;
      const inputs = inputsOf(sample);
      const count = rows * quantiles * actions;
      memory.reset();
      const zGradient = memory.f32([...uniformValues(count, 9), 12345]);
      const targets = memory.f32([...new Float32Array(rows * quantiles), 12345]);
      const tdError = memory.room(rows * 4);
      const figures = memory.room(24);
      kernels.quantileLoss(
        zGradient,
        targets,
        tdError,
        figures,
        memory.f32(inputs.z),
        memory.f32(inputs.tau),
        memory.f32(inputs.nextMean),
        memory.f32(inputs.nextValue),
        memory.i32(inputs.action),
        memory.f32(inputs.nStepReturn),
        memory.f32(inputs.discount),
        memory.f32(inputs.weight),
        inputs.legal === undefined ? 0 : memory.u8(inputs.legal),
        rows,
        quantiles,
        actions,
      );
      const z = Float64Array.from(inputs.z);
      const expected = referenceLoss(sample, inputs, z);
      expect(differenceOf(memory.floats(targets, rows * quantiles), expected.targets.flat())).toBeUndefined();
      const values = expected.targets.map((_, row) =>
        mean(Array.from({ length: quantiles }, (__, quantile) => expected.taken(row, quantile))),
      );
      const tdErrors = expected.targets.map((goals, row) => mean(goals) - (values[row] ?? 0));
      expect(differenceOf(memory.floats(tdError, rows), tdErrors)).toBeUndefined();
      const figuresExpected = [expected.loss, mean(values), mean(tdErrors.map(Math.abs))];
      expect(differenceOf(memory.doubles(figures, 3), figuresExpected)).toBeUndefined();
      const gradient = numericalGradient(z, () => referenceLoss(sample, inputs, z).loss);
      expect(differenceOf(memory.floats(zGradient, count), gradient)).toBeUndefined();
      expect(memory.floats(zGradient + count * 4, 1)[0]).toBe(12345);
      expect(memory.floats(targets + rows * quantiles * 4, 1)[0]).toBe(12345);
    }),
    { numRuns: 200 },
  );
});

it('lets NaN through to the loss and the gradient, whatever the number of quantiles', () => {
  for (const quantiles of [1, 4, 5]) {
    memory.reset();
    const figures = memory.room(24);
    const zGradient = memory.room(quantiles * 4);
    const ones = () => memory.f32(new Float32Array(quantiles).fill(1));
    kernels.quantileLoss(
      zGradient,
      ones(),
      ones(),
      figures,
      ones(),
      ones(),
      ones(),
      ones(),
      memory.i32([0]),
      memory.f32([Number.NaN]),
      ones(),
      ones(),
      0,
      1,
      quantiles,
      1,
    );
    expect(memory.doubles(figures, 1)[0]).toBeNaN();
    expect(memory.floats(zGradient, quantiles).every(Number.isNaN)).toBe(true);
  }
});
