import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { numericalGradient, uniformStream, uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

interface Sample {
  readonly rows: number;
  readonly actions: number;
  readonly doubleQ: boolean;
  readonly masked: boolean;
  readonly delta: number;
  readonly seed: number;
}

function inputsOf({ rows, actions, doubleQ, masked, seed }: Sample) {
  const uniform = uniformStream(seed);
  const nextTarget = uniformValues(rows * actions, seed + 2);
  return {
    q: uniformValues(rows * actions, seed + 1).map((value) => 3 * value),
    nextTarget,
    nextSelect: doubleQ ? uniformValues(rows * actions, seed + 3) : nextTarget,
    action: Int32Array.from({ length: rows }, () => Math.floor(uniform() * actions)),
    nStepReturn: uniformValues(rows, seed + 4),
    discount: Float32Array.from({ length: rows }, () => (uniform() < 0.3 ? 0 : 0.9)),
    weight: Float32Array.from({ length: rows }, uniform),
    legal: masked ? Uint8Array.from({ length: rows * actions }, () => (uniform() < 0.5 ? 1 : 0)) : undefined,
  };
}

/** The same from the formulas, in f64. */
function referenceLoss(sample: Sample, inputs: ReturnType<typeof inputsOf>, q: Float64Array) {
  const { rows, actions, delta } = sample;
  let loss = 0;
  const tdErrors = Array.from({ length: rows }, (_, row) => {
    const candidates = Array.from({ length: actions }, (__, action) => row * actions + action)
      .filter((index) => inputs.legal === undefined || inputs.legal[index] === 1)
      .toSorted((left, right) => (inputs.nextSelect[right] ?? 0) - (inputs.nextSelect[left] ?? 0));
    const best = candidates[0];
    const bootstrap = best === undefined ? 0 : (inputs.nextTarget[best] ?? 0);
    const value = q[row * actions + (inputs.action[row] ?? 0)] ?? 0;
    const td = (inputs.nStepReturn[row] ?? 0) + (inputs.discount[row] ?? 0) * bootstrap - value;
    const size = Math.abs(td);
    loss += ((inputs.weight[row] ?? 0) * (size <= delta ? (td * td) / 2 : delta * (size - delta / 2))) / rows;
    return td;
  });
  return { loss, tdErrors };
}

it('is the weighted Huber loss of (double) Q-learning, with its gradient', () => {
  const samples = fc.record({
    rows: fc.integer({ min: 1, max: 7 }),
    actions: fc.integer({ min: 1, max: 6 }),
    doubleQ: fc.boolean(),
    masked: fc.boolean(),
    delta: fc.constantFrom(0.5, 1, 2),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(samples, (sample) => {
      const { rows, actions, delta } = sample;
      const inputs = inputsOf(sample);
      memory.reset();
      const qGradient = memory.f32(uniformValues(rows * actions, 9));
      const tdError = memory.room(rows * 4);
      const priority = memory.room(rows * 4);
      const figures = memory.room(24);
      const nextTarget = memory.f32(inputs.nextTarget);
      kernels.dqnLoss(
        qGradient,
        tdError,
        priority,
        figures,
        memory.f32(inputs.q),
        sample.doubleQ ? memory.f32(inputs.nextSelect) : nextTarget,
        nextTarget,
        memory.i32(inputs.action),
        memory.f32(inputs.nStepReturn),
        memory.f32(inputs.discount),
        memory.f32(inputs.weight),
        inputs.legal === undefined ? 0 : memory.u8(inputs.legal),
        rows,
        actions,
        delta,
      );
      const q = Float64Array.from(inputs.q);
      const { loss, tdErrors } = referenceLoss(sample, inputs, q);
      const gradient = numericalGradient(q, () => referenceLoss(sample, inputs, q).loss);
      const chosen = tdErrors.map((_, row) => q[row * actions + (inputs.action[row] ?? 0)] ?? 0);
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / rows;
      expect(differenceOf(memory.floats(tdError, rows), tdErrors)).toBeUndefined();
      expect(memory.floats(priority, rows)).toEqual(memory.floats(tdError, rows).map(Math.abs));
      expect(
        differenceOf(memory.doubles(figures, 3), [loss, mean(chosen), mean(tdErrors.map(Math.abs))]),
      ).toBeUndefined();
      expect(differenceOf(memory.floats(qGradient, rows * actions), gradient)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});
