import * as fc from 'fast-check';
import { RandomStream } from 'marlin-rl';
import type { StreamName } from 'marlin-rl';
import { describe, expect, it } from 'vitest';

const name: StreamName = { seed: 1, role: 'environment', agent: 'agent-0', copy: 0, epoch: 0 };

function draws(stream: RandomStream, count = 20): number[] {
  return Array.from({ length: count }, () => stream.uniform());
}

describe('named streams', () => {
  it('are the same for the same name', () => {
    expect(draws(RandomStream.named(name))).toEqual(draws(RandomStream.named({ ...name })));
  });

  it.each<Partial<StreamName>>([{ seed: 2 }, { role: 'replay' }, { agent: 'agent-1' }, { copy: 1 }, { epoch: 1 }])(
    'differ by %o',
    (change) => {
      const own = new Set(draws(RandomStream.named(name), 1_000));
      const shared = draws(RandomStream.named({ ...name, ...change }), 1_000).filter((draw) => own.has(draw));
      expect(shared.length).toBeLessThan(3);
    },
  );

  it('do not mistake one field for another', () => {
    const names: StreamName[] = [
      { seed: 1, role: 'a', agent: 'b' },
      { seed: 1, role: 'ab' },
      { seed: 1, role: 'a', copy: 1 },
      { seed: 1, role: 'a', epoch: 1 },
      { seed: 11, role: 'a' },
      { seed: 1, role: '1a' },
    ];
    expect(new Set(names.map((one) => RandomStream.named(one).uniform())).size).toBe(names.length);
  });

  it('of neighbouring seeds, copies and epochs have nothing in common', () => {
    const firsts = Array.from({ length: 30_000 }, (_, index) => {
      const [seed, copy, epoch] = [index % 30, Math.floor(index / 30) % 10, Math.floor(index / 300)];
      return RandomStream.named({ seed, role: 'environment', copy, epoch }).uniform();
    });
    const mean = firsts.reduce((sum, draw) => sum + draw, 0) / firsts.length;
    // Standard deviation of the mean: 1/√(12 · 30 000) = 0.0017.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    let correlation = 0;
    for (let index = 1; index < firsts.length; index++)
      correlation += (firsts[index] - 0.5) * (firsts[index - 1] - 0.5);
    expect(Math.abs((12 * correlation) / firsts.length)).toBeLessThan(0.03);
  });
});

describe('a stream', () => {
  it('gives words of 32 bits, signed', () => {
    const [words, integers] = [RandomStream.named(name), RandomStream.named(name)];
    const drawn = Array.from({ length: 1000 }, () => words.word());
    expect(drawn).toEqual(Array.from({ length: 1000 }, () => Math.trunc(integers.integer(2 ** 32)) | 0));
    expect(drawn.some((word) => word < 0) && drawn.some((word) => word > 0)).toBe(true);
  });

  it('goes on from its state', () => {
    const property = fc.property(fc.nat(), fc.nat(100), (seed, drawn) => {
      const stream = RandomStream.named({ seed, role: 'test' });
      draws(stream, drawn);
      const state = structuredClone(stream.state());
      const rest = draws(stream);
      return JSON.stringify(draws(RandomStream.fromState(state))) === JSON.stringify(rest);
    });
    expect(fc.check(property).counterexample).toBeNull();
  });

  it.each(['uniform', 'uniformPrecise'] as const)('%s() fills [0, 1) evenly', (method) => {
    const stream = RandomStream.named(name);
    const bins = new Int32Array(100);
    const count = 200_000;
    for (let draw = 0; draw < count; draw++) bins[Math.floor(stream[method]() * 100)]++;
    const chiSquare = bins.reduce((sum, bin) => sum + (bin - count / 100) ** 2 / (count / 100), 0);
    // 99 degrees of freedom: mean 99, standard deviation 14.
    expect(chiSquare).toBeGreaterThan(50);
    expect(chiSquare).toBeLessThan(170);
  });

  it('draws integers below the count, each as often', () => {
    const stream = RandomStream.named(name);
    for (const count of [1, 2, 3, 7, 100]) {
      const seen = new Int32Array(count);
      for (let draw = 0; draw < 2_000 * count; draw++) seen[stream.integer(count)]++;
      const sum = seen.reduce((total, one) => total + one, 0);
      expect(sum).toBe(2_000 * count);
      // Five standard deviations.
      for (const one of seen) expect(Math.abs(one - 2_000)).toBeLessThan(5 * Math.sqrt(2_000));
    }
  });

  it('draws integers of any count up to 2³²', () => {
    const property = fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.nat(), (count, seed) => {
      const drawn = RandomStream.named({ seed, role: 'test' }).integer(count);
      return Number.isInteger(drawn) && drawn >= 0 && drawn < count;
    });
    expect(fc.check(property, { numRuns: 2_000 }).counterexample).toBeNull();
  });
});
