import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { numericalGradient, uniformStream, uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;

interface Sample {
  readonly rows: number;
  readonly counts: readonly number[];
  readonly masked: boolean;
  readonly seed: number;
}

const samples = fc.record({
  rows: fc.integer({ min: 1, max: 6 }),
  counts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
  masked: fc.boolean(),
  seed: fc.integer(),
});

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Logits, a mask with an option for every choice, and legal actions. */
function inputsOf({ rows, counts, masked, seed }: Sample) {
  const uniform = uniformStream(seed);
  const options = sumOf(counts);
  const legal = new Uint8Array(rows * options).fill(1);
  const action = new Int32Array(rows * counts.length);
  for (let row = 0, first = 0; row < rows; row++) {
    counts.forEach((count, choice) => {
      const chosen = Math.floor(uniform() * count);
      action[row * counts.length + choice] = chosen;
      for (let option = 0; option < count; option++) {
        if (masked && option !== chosen && uniform() < 0.5) legal[first + option] = 0;
      }
      first += count;
    });
  }
  return { options, logits: uniformValues(rows * options, seed + 1).map((value) => 4 * value), legal, action };
}

/** Log-probabilities and entropies from the formulas, in f64. */
function reference({ rows, counts }: Sample, logits: ArrayLike<number>, legal: Uint8Array, action: Int32Array) {
  const logProbability = new Float64Array(rows);
  const entropy = new Float64Array(rows);
  const all: number[] = [];
  for (let row = 0, first = 0; row < rows; row++) {
    counts.forEach((count, choice) => {
      const places = Array.from({ length: count }, (_, option) => first + option);
      const weights = places.map((at) => (legal[at] === 1 ? Math.exp(logits[at] ?? 0) : 0));
      const logs = weights.map((weight) => Math.log(weight / sumOf(weights)));
      all.push(...logs);
      logProbability[row] = (logProbability[row] ?? 0) + (logs[action[row * counts.length + choice] ?? 0] ?? 0);
      const terms = logs.filter(Number.isFinite).map((log) => -Math.exp(log) * log);
      entropy[row] = (entropy[row] ?? 0) + sumOf(terms);
      first += count;
    });
  }
  return { logProbability, entropy, all };
}

it('gives log-probabilities and entropies, and the gradients of both', () => {
  fc.assert(
    fc.property(samples, (sample) => {
      const { rows, counts, seed, masked } = sample;
      const { options, logits, legal, action } = inputsOf(sample);
      memory.reset();
      const [logProbability, entropy] = [memory.room(rows * 4), memory.room(rows * 4)];
      const outputs = memory.f32(logits);
      const actions = memory.i32(action);
      const countsOffset = memory.i32(counts);
      const mask = masked ? memory.u8(legal) : 0;
      kernels.categoricalEvaluate(logProbability, entropy, outputs, actions, mask, countsOffset, counts.length, rows);
      const expected = reference(sample, logits, legal, action);
      expect(differenceOf(memory.floats(logProbability, rows), expected.logProbability)).toBeUndefined();
      expect(differenceOf(memory.floats(entropy, rows), expected.entropy)).toBeUndefined();
      const possible = (_: number, at: number) => legal[at] === 1;
      const logs = memory.floats(outputs, rows * options);
      expect(differenceOf(logs.filter(possible), expected.all.filter(possible))).toBeUndefined();
      expect(logs.filter((value, at) => legal[at] === 0 && value !== -Infinity)).toHaveLength(0);

      const slope = uniformValues(rows, seed + 2);
      const gradient = memory.f32(uniformValues(rows * options, 9));
      const slopes = memory.f32(slope);
      kernels.categoricalBackward(gradient, outputs, actions, slopes, -0.3, countsOffset, counts.length, rows);
      const x = Float64Array.from(logits);
      const loss = () => {
        const now = reference(sample, x, legal, action);
        const parts = now.logProbability.map((log, row) => (slope[row] ?? 0) * log - 0.3 * (now.entropy[row] ?? 0));
        return sumOf([...parts]);
      };
      const tolerance = { relative: 1e-5, absolute: 2e-6 };
      expect(
        differenceOf(memory.floats(gradient, rows * options), numericalGradient(x, loss), tolerance),
      ).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

it('is accurate for logits far apart and for many options', () => {
  const logits = Array.from({ length: 1_000 }, (_, index) => (index % 7) * 12 - 40);
  memory.reset();
  const [logProbability, entropy] = [memory.room(4), memory.room(4)];
  const outputs = memory.f32(logits);
  kernels.categoricalEvaluate(logProbability, entropy, outputs, memory.i32([6]), 0, memory.i32([1_000]), 1, 1);
  const sample = { rows: 1, counts: [1_000], masked: false, seed: 0 };
  const { all, entropy: expected } = reference(sample, logits, new Uint8Array(1_000).fill(1), Int32Array.of(6));
  expect(differenceOf(memory.floats(outputs, 1_000), all)).toBeUndefined();
  expect(differenceOf(memory.floats(entropy, 1), expected)).toBeUndefined();
});

interface Choice {
  readonly logits: readonly number[];
  readonly counts: readonly number[];
  readonly legal?: readonly number[];
  /** Undefined: the likeliest. */
  readonly uniforms?: readonly number[];
}

function act({ logits, counts, legal, uniforms }: Choice) {
  memory.reset();
  const action = memory.room(counts.length * 4);
  const logProbability = memory.room(4);
  const isChosen = kernels.categoricalAct(
    action,
    logProbability,
    memory.f32(logits),
    legal === undefined ? 0 : memory.u8(legal),
    memory.i32(counts),
    counts.length,
    uniforms === undefined ? 0 : memory.f64(uniforms),
  );
  const chosen = [...new Int32Array(memory.buffer, action, counts.length)];
  return isChosen === 0 ? undefined : { action: chosen, logProbability: memory.floats(logProbability, 1)[0] ?? 0 };
}

describe('choosing', () => {
  it('draws each option as often as its probability says, and notes that', () => {
    const [logits, counts, legal] = [
      [0.3, -1, 2, 0.5, 0, 1.5],
      [4, 2],
      [1, 1, 0, 1, 1, 1],
    ];
    const uniform = uniformStream(3);
    const draws = 40_000;
    const seen = Array.from({ length: 6 }, () => 0);
    const { all } = reference(
      { rows: 1, counts, masked: true, seed: 0 },
      logits,
      Uint8Array.from(legal),
      new Int32Array(2),
    );
    for (let draw = 0; draw < draws; draw++) {
      const chosen = act({ logits, counts, legal, uniforms: [uniform(), uniform()] });
      const [first = 0, second = 0] = chosen?.action ?? [];
      seen[first] = (seen[first] ?? 0) + 1;
      seen[4 + second] = (seen[4 + second] ?? 0) + 1;
      expect(chosen?.logProbability).toBeCloseTo((all[first] ?? 0) + (all[4 + second] ?? 0), 5);
    }
    const expected = all.map(Math.exp);
    seen.forEach((count, option) => {
      const probability = expected[option] ?? 0;
      // Six standard deviations: a right kernel fails once in 10⁸ seeds.
      const bound = 6 * Math.sqrt(draws * probability * (1 - probability));
      expect(Math.abs(count - draws * probability)).toBeLessThanOrEqual(bound);
    });
  });

  it('takes a possible option at the ends of the unit interval', () => {
    for (const uniform of [0, 1 - 2 ** -53]) {
      const legal = [0, 1, 0, 1, 0];
      const { action: [option = 0] = [] } =
        act({ logits: [9, 0, 9, 0, 9], counts: [5], legal, uniforms: [uniform] }) ?? {};
      expect(option).toBe(uniform === 0 ? 1 : 3);
    }
  });

  it('takes the likeliest legal option of each choice where there is nothing to draw by', () => {
    const chosen = act({ logits: [3, 5, 1, 0, 0, 7], counts: [3, 3], legal: [1, 0, 1, 1, 1, 0] });
    expect(chosen?.action).toEqual([0, 0]);
    expect(chosen?.logProbability).toBeCloseTo(-Math.log(1 + Math.exp(-2)) - Math.log(2), 6);
  });

  it('takes none where one choice has no legal option', () => {
    expect(act({ logits: [1, 2, 3, 4], counts: [2, 2], legal: [1, 1, 0, 0] })).toBeUndefined();
  });
});
