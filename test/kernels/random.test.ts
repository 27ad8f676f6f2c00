import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStateBytes } from '#marlin/kernels/kernels.js';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';

const memory = new KernelMemory();
const { kernels } = memory;
const lanes = 4;

/** xoshiro128+ as its authors publish it, one lane. */
class ReferenceGenerator {
  #s: number[];

  constructor(words: readonly number[]) {
    this.#s = words.map((word) => word >>> 0);
  }

  next(): number {
    const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = this.#s;
    const [t2, t3] = [s2 ^ s0, s3 ^ s1];
    const next = [s0 ^ t3, s1 ^ t2, t2 ^ (s1 << 9), (t3 << 11) | (t3 >>> 21)];
    this.#s = next.map((word) => word >>> 0);
    return (s0 + s3) >>> 0;
  }

  /** Advances by 2⁶⁴ draws. */
  jump(): this {
    let sums = [0, 0, 0, 0];
    for (const word of [0x8764000b, 0xf542d2d3, 0x6fa035c3, 0x77f2db5b]) {
      for (let bit = 0; bit < 32; bit++) {
        if (((word >>> bit) & 1) === 1) sums = sums.map((sum, index) => sum ^ (this.#s[index] ?? 0));
        this.next();
      }
    }
    this.#s = sums.map((sum) => sum >>> 0);
    return this;
  }
}

/** The four lanes from the same words. */
function referenceLanes(words: readonly number[]): ReferenceGenerator[] {
  return Array.from({ length: lanes }, (_, lane) => {
    const generator = new ReferenceGenerator(words);
    for (let jump = 0; jump < lane; jump++) generator.jump();
    return generator;
  });
}

function seeded(words: readonly number[]): number {
  const [word0 = 0, word1 = 0, word2 = 0, word3 = 0] = words;
  const state = memory.room(randomStateBytes);
  kernels.seedRandom(state, word0, word1, word2, word3);
  return state;
}

function drawn(kind: 'drawUniform' | 'drawGaussian', count: number, state: number): Float32Array {
  const x = memory.f32([...new Float32Array(count), 12345]);
  kernels[kind](x, count, state);
  expect(memory.floats(x + count * 4, 1)[0]).toBe(12345);
  return memory.floats(x, count);
}

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const words = fc.tuple(
  word.map((value) => (value | 1) >>> 0),
  word,
  word,
  word,
);

describe('the generator', () => {
  it('gives the published numbers of xoshiro128+', () => {
    const reference = new ReferenceGenerator([1, 2, 3, 4]);
    expect(Array.from({ length: 8 }, () => reference.next())).toEqual([
      5, 12_295, 25_178_119, 27_286_542, 39_879_690, 1_140_358_681, 3_276_312_097, 4_110_231_701,
    ]);
  });

  it('draws the upper 24 bits of four sequences that are 2⁶⁴ draws apart, for any count', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 23 }), (seed, count) => {
        memory.reset();
        const values = drawn('drawUniform', count, seeded(seed));
        const reference = referenceLanes(seed);
        const expected = Array.from(
          { length: count },
          (_, index) => ((reference[index % lanes]?.next() ?? 0) >>> 8) / 2 ** 24,
        );
        expect([...values]).toEqual(expected);
      }),
    );
  });

  it('goes on from its state, and repeats from the same', () => {
    memory.reset();
    const state = seeded([9, 8, 7, 6]);
    drawn('drawGaussian', 100, state);
    const saved = memory.bytes(state, randomStateBytes);
    const first = drawn('drawGaussian', 100, state);
    const second = drawn('drawGaussian', 100, state);
    expect(second).not.toEqual(first);
    new Uint8Array(memory.buffer, state, randomStateBytes).set(saved);
    expect(drawn('drawGaussian', 100, state)).toEqual(first);
  });
});

describe('normal numbers', () => {
  it('are those of Box and Muller, for any count', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 40 }), (seed, count) => {
        memory.reset();
        const values = drawn('drawGaussian', count, seeded(seed));
        const reference = referenceLanes(seed);
        const expected: number[] = [];
        while (expected.length < count) {
          const pairs = reference.map((generator) => {
            const radius = Math.sqrt(-2 * Math.log(((generator.next() >>> 8) + 1) / 2 ** 24));
            const direction = generator.next();
            const angle = ((((direction << 2) >>> 10) + 0.5) / 2 ** 22 - 0.5) * (Math.PI / 2);
            const signed = direction >>> 31 === 1 ? -radius : radius;
            const pair = [signed * Math.cos(angle), signed * Math.sin(angle)];
            return ((direction >>> 30) & 1) === 1 ? pair.toReversed() : pair;
          });
          expected.push(...pairs.map(([first = 0]) => first), ...pairs.map(([, second = 0]) => second));
        }
        const tolerance = { relative: 1e-6, absolute: 1e-6 };
        expect(differenceOf(values, expected.slice(0, count), tolerance)).toBeUndefined();
      }),
    );
  });

  describe('in a million', () => {
    memory.reset();
    const count = 1 << 20;
    const values = drawn('drawGaussian', count, seeded([1, 2, 3, 4]));
    const meanOf = (f: (x: number, index: number) => number) =>
      values.reduce((sum, x, index) => sum + f(x, index), 0) / count;
    /** Five standard deviations of the mean of `count` numbers whose own is `deviation`. */
    const bound = (deviation: number) => (5 * deviation) / Math.sqrt(count);

    it('have the moments of the standard normal distribution', () => {
      expect(Math.abs(meanOf((x) => x))).toBeLessThan(bound(1));
      expect(Math.abs(meanOf((x) => x * x) - 1)).toBeLessThan(bound(Math.sqrt(2)));
      expect(Math.abs(meanOf((x) => x ** 3))).toBeLessThan(bound(Math.sqrt(15)));
      expect(Math.abs(meanOf((x) => x ** 4) - 3)).toBeLessThan(bound(Math.sqrt(96)));
    });

    it('have its tails', () => {
      // P(|x| > 1), P(|x| > 2), P(|x| > 3)
      [0.317_310_5, 0.045_500_26, 0.002_699_796].forEach((probability, index) => {
        const share = meanOf((x) => (Math.abs(x) > index + 1 ? 1 : 0));
        expect(Math.abs(share - probability)).toBeLessThan(bound(Math.sqrt(probability)));
      });
      expect(Math.max(...values.subarray(0, 100_000).map(Math.abs))).toBeLessThan(5.8);
    });

    // Within a vector (lanes), between the two of a pair (4 apart), and from one call of the loop to the next.
    it.each([1, 2, 3, 4, 5, 7, 8, 12, 16, 32])('do not depend on those %d places before', (lag) => {
      const at = (index: number) => values[(index + lag) % count] ?? 0;
      expect(Math.abs(meanOf((x, index) => x * at(index)))).toBeLessThan(bound(1));
      expect(Math.abs(meanOf((x, index) => (x * x - 1) * (at(index) ** 2 - 1)))).toBeLessThan(bound(2));
    });
  });
});
