import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { numericalGradient, uniformStream, uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

interface Sample {
  readonly rows: number;
  readonly actions: number;
  readonly atoms: number;
  readonly minimum: number;
  readonly step: number;
  readonly doubleQ: boolean;
  readonly masked: boolean;
  readonly seed: number;
}

const samples = fc.record<Sample>({
  rows: fc.integer({ min: 1, max: 5 }),
  actions: fc.integer({ min: 1, max: 4 }),
  atoms: fc.integer({ min: 2, max: 13 }),
  minimum: fc.constantFrom(-2, -0.5, 1),
  step: fc.constantFrom(0.25, 0.3, 1),
  doubleQ: fc.boolean(),
  masked: fc.boolean(),
  seed: fc.integer(),
});

function inputsOf({ rows, actions, atoms, masked, seed }: Sample) {
  const uniform = uniformStream(seed);
  const outputs = rows * actions * atoms;
  return {
    logits: uniformValues(outputs, seed + 1).map((value) => 3 * value),
    nextLogits: uniformValues(outputs, seed + 2).map((value) => 3 * value),
    nextOnline: uniformValues(outputs, seed + 3).map((value) => 3 * value),
    action: Int32Array.from({ length: rows }, () => Math.floor(uniform() * actions)),
    nStepReturn: uniformValues(rows, seed + 4).map((value) => 3 * value),
    discount: Float32Array.from({ length: rows }, () => (uniform() < 0.3 ? 0 : 0.9)),
    weight: Float32Array.from({ length: rows }, uniform),
    legal: masked ? Uint8Array.from({ length: rows * actions }, () => (uniform() < 0.5 ? 1 : 0)) : undefined,
  };
}

function softmax(logits: ArrayLike<number>): number[] {
  const largest = Math.max(...Array.from(logits));
  const shares = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}

/** Mean of the distribution that `logits` give at place `index`. */
function valueAt(logits: Float32Array | Float64Array, index: number, { atoms, minimum, step }: Sample): number {
  const probabilities = softmax(logits.subarray(index * atoms, (index + 1) * atoms));
  return probabilities.reduce((sum, probability, atom) => sum + probability * (minimum + step * atom), 0);
}

/** Target distributions, by the projection as Bellemare et al. write it: Σ of triangles around each return. */
function targetsOf(sample: Sample, inputs: ReturnType<typeof inputsOf>): number[][] {
  const { rows, actions, atoms, minimum, step, doubleQ } = sample;
  const clipped = (value: number) => Math.min(minimum + step * (atoms - 1), Math.max(minimum, value));
  const choosing = doubleQ ? inputs.nextOnline : inputs.nextLogits;
  return Array.from({ length: rows }, (_, row) => {
    const best = Array.from({ length: actions }, (__, action) => row * actions + action)
      .filter((index) => inputs.legal === undefined || inputs.legal[index] === 1)
      .toSorted((left, right) => valueAt(choosing, right, sample) - valueAt(choosing, left, sample))[0];
    const own = inputs.nStepReturn[row] ?? Number.NaN;
    const discount = inputs.discount[row] ?? Number.NaN;
    const masses =
      best === undefined
        ? [{ mass: 1, value: clipped(own) }]
        : softmax(inputs.nextLogits.subarray(best * atoms, (best + 1) * atoms)).map((mass, atom) => ({
            mass,
            value: clipped(own + discount * (minimum + step * atom)),
          }));
    return Array.from({ length: atoms }, (__, atom) =>
      masses.reduce(
        (sum, { mass, value }) => sum + mass * Math.max(0, 1 - Math.abs(value - minimum - step * atom) / step),
        0,
      ),
    );
  });
}

function crossEntropies(
  sample: Sample,
  inputs: ReturnType<typeof inputsOf>,
  logits: Float64Array,
  targets: number[][],
): number[] {
  const { actions, atoms } = sample;
  return targets.map((target, row) => {
    const chosen = row * actions + (inputs.action[row] ?? 0);
    const probabilities = softmax(logits.subarray(chosen * atoms, (chosen + 1) * atoms));
    return -target.reduce((sum, mass, atom) => sum + mass * Math.log(probabilities[atom] ?? Number.NaN), 0);
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Runs both kernels on the inputs. */
function compute(sample: Sample, inputs: ReturnType<typeof inputsOf>) {
  const { rows, actions, atoms, minimum, step, doubleQ } = sample;
  const count = rows * actions;
  memory.reset();
  const valuesOf = (logits: number) => {
    const values = memory.room(count * 4);
    kernels.returnDistributionValues(values, logits, count, atoms, minimum, step);
    return values;
  };
  const gradient = memory.f32(uniformValues(count * atoms, 9));
  const entropy = memory.room(rows * 4);
  const figures = memory.room(24);
  const logits = memory.f32(inputs.logits, 1);
  const nextLogits = memory.f32(inputs.nextLogits);
  const values = valuesOf(logits);
  const select = valuesOf(doubleQ ? memory.f32(inputs.nextOnline) : nextLogits);
  const scratch = memory.f32(new Float32Array(2 * atoms + 1).fill(12345));
  kernels.returnDistributionLoss(
    gradient,
    entropy,
    figures,
    logits,
    values,
    select,
    nextLogits,
    memory.i32(inputs.action),
    memory.f32(inputs.nStepReturn),
    memory.f32(inputs.discount),
    memory.f32(inputs.weight),
    inputs.legal === undefined ? 0 : memory.u8(inputs.legal),
    rows,
    actions,
    atoms,
    minimum,
    step,
    scratch,
  );
  expect(memory.floats(scratch + 8 * atoms, 1)[0]).toBe(12345);
  return {
    values: memory.floats(values, count),
    gradient: memory.floats(gradient, count * atoms),
    entropy: memory.floats(entropy, rows),
    figures: memory.doubles(figures, 3),
  };
}

const tolerance = { relative: 1e-5, absolute: 5e-6 };

describe('a categorical distribution of returns', () => {
  it('has the means, the cross-entropy and the gradient of the formulas', () => {
    const property = fc.property(samples, (sample) => {
      const { rows, actions } = sample;
      const inputs = inputsOf(sample);
      const computed = compute(sample, inputs);
      const logits = Float64Array.from(inputs.logits);
      const targets = targetsOf(sample, inputs);
      const values = Array.from({ length: rows * actions }, (_, index) => valueAt(logits, index, sample));
      expect(differenceOf(computed.values, values, tolerance)).toBeUndefined();

      const entropies = crossEntropies(sample, inputs, logits, targets);
      expect(differenceOf(computed.entropy, entropies, tolerance)).toBeUndefined();
      const weighted = () =>
        mean(crossEntropies(sample, inputs, logits, targets).map((value, row) => value * (inputs.weight[row] ?? 0)));
      const chosen = targets.map((_, row) => values[row * actions + (inputs.action[row] ?? 0)] ?? Number.NaN);
      const errors = targets.map((target, row) =>
        Math.abs(
          target.reduce((sum, mass, atom) => sum + mass * (sample.minimum + sample.step * atom), 0) -
            (chosen[row] ?? Number.NaN),
        ),
      );
      expect(differenceOf(computed.figures, [weighted(), mean(chosen), mean(errors)], tolerance)).toBeUndefined();
      expect(differenceOf(computed.gradient, numericalGradient(logits, weighted), tolerance)).toBeUndefined();
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('keeps all mass, also of returns beyond its ends', () => {
    const property = fc.property(samples, fc.constantFrom(-1e6, 1e6, 0.123), (sample, far) => {
      const inputs = inputsOf(sample);
      inputs.nStepReturn.fill(far);
      const targets = targetsOf(sample, inputs);
      for (const target of targets) expect(target.reduce((sum, mass) => sum + mass, 0)).toBeCloseTo(1, 9);
      // Each row's gradient is probabilities less target: both sum to 1.
      const { gradient } = compute(sample, inputs);
      expect(Math.abs(gradient.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-5);
    });
    fc.assert(property, { numRuns: 100 });
  });

  it.each(['logits', 'nextLogits', 'nStepReturn', 'weight', 'discount'] as const)('lets NaN in %s through', (name) => {
    const sample = { rows: 2, actions: 1, atoms: 6, minimum: -1, step: 0.5, doubleQ: false, masked: false, seed: 4 };
    const inputs = inputsOf(sample);
    inputs[name].fill(Number.NaN);
    expect(compute(sample, inputs).figures[0]).toBeNaN();
  });
});
