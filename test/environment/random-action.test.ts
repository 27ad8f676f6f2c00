import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActionSpace } from '#marlin/environment/environment.js';
import { drawAction } from '#marlin/environment/random-action.js';
import { RandomStream } from '#marlin/random.js';

const words = new Int32Array(3);
const values = new Float32Array(words.buffer);
const random = RandomStream.named({ seed: 1, role: 'test' });

function draw(space: ActionSpace, legal?: Uint8Array, firstLegal = 0): boolean {
  const size = space.kind === 'box' ? space.size : space.kind === 'discrete' ? 1 : space.counts.length;
  return drawAction(space, legal, firstLegal, random, words.subarray(0, size), values.subarray(0, size));
}

/** A mask, and what lies before and behind it, which must not matter. */
const masks = fc.record({
  before: fc.uint8Array({ maxLength: 5 }),
  mask: fc.uint8Array({ minLength: 1, maxLength: 12, max: 1 }),
  behind: fc.uint8Array({ maxLength: 5 }),
});

describe('a random choice', () => {
  it('is one of the legal ones, each as often as any other', () => {
    const property = fc.property(masks, ({ before, mask, behind }) => {
      const bytes = Uint8Array.from([...before, ...mask, ...behind]);
      const legal = [...mask.keys()].filter((action) => mask[action] !== 0);
      const space: ActionSpace = { kind: 'discrete', count: mask.length };
      if (legal.length === 0) return !draw(space, bytes, before.length);
      const counts = new Map(legal.map((action) => [action, 0]));
      for (let drawn = 0; drawn < 200 * legal.length; drawn++) {
        if (!draw(space, bytes, before.length)) return false;
        counts.set(words[0], (counts.get(words[0]) ?? Number.NaN) + 1);
      }
      // Five standard deviations of a binomial of mean 200.
      return counts.size === legal.length && [...counts.values()].every((count) => Math.abs(count - 200) < 75);
    });
    expect(fc.check(property, { numRuns: 100 }).counterexample).toBeNull();
  });

  it('is made for each of several, by its own part of the mask', () => {
    const space: ActionSpace = { kind: 'multi-discrete', counts: [2, 3, 4] };
    const mask = Uint8Array.of(9, 0, 1, 0, 0, 1, 1, 0, 1, 0);
    const seen = new Set<string>();
    for (let drawn = 0; drawn < 100; drawn++) {
      expect(draw(space, mask, 1)).toBe(true);
      seen.add(words.join());
    }
    expect([...seen].toSorted()).toEqual(['1,2,0', '1,2,2']);
    expect(draw(space, Uint8Array.of(1, 1, 0, 0, 0, 1, 1, 1, 1))).toBe(false);
    for (let drawn = 0; drawn < 500; drawn++) {
      draw(space);
      seen.add(words.join());
    }
    expect(seen.size).toBe(24);
  });

  it('of a box lies between its bounds', () => {
    const space: ActionSpace = { kind: 'box', size: 3, low: -2, high: 6 };
    const means = [0, 0, 0];
    for (let drawn = 0; drawn < 10_000; drawn++) {
      expect(draw(space)).toBe(true);
      expect(values.every((value) => value >= -2 && value < 6)).toBe(true);
      values.forEach((value, index) => {
        means[index] += value / 10_000;
      });
    }
    for (const mean of means) expect(Math.abs(mean - 2)).toBeLessThan(0.12);
  });
});
