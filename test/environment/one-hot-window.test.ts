import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entity } from '#marlin/environment/entity.js';
import { OneHotWindow } from '#marlin/environment/one-hot-window.js';
import { World } from '#marlin/environment/world.js';
import { testStream } from './streams.js';

function still(kind: string): Entity {
  return { kind, value: 0, passable: true, hasTransitions: false };
}

const sand = still('EmptyEntity');
const wall = still('Wall');
const gem = still('Gem');
const kinds = ['EmptyEntity', 'Gem', 'Wall'];

function scattered(height: number, width: number, seed: number): World {
  const world = new World({ height, width, layers: [sand, sand], entities: [wall, gem] });
  const random = testStream(seed);
  for (let cell = 0; cell < world.cellCount; cell++) world.add(cell, [sand, wall, gem][random.integer(3)]);
  return world;
}

/** The definition, word for word: [channel, y, x] counts the layers that hold the channel's kind. */
function expectedWindow(world: World, y: number, x: number, radius: number): number[] {
  const offsets = Array.from({ length: 2 * radius + 1 }, (_, index) => index - radius);
  return kinds.flatMap((kind) =>
    offsets.flatMap((dy) =>
      offsets.map((dx) => {
        if (kind === 'EmptyEntity') return 0;
        if (!world.contains(y + dy, x + dx)) return kind === 'Wall' ? 1 : 0;
        return world.observe(y + dy, x + dx).filter((entity) => entity.kind === kind).length;
      }),
    ),
  );
}

describe('a one-hot window', () => {
  it('counts the kinds of all layers around a location, with walls beyond the world', () => {
    const place = fc.record({
      height: fc.integer({ min: 1, max: 6 }),
      width: fc.integer({ min: 1, max: 6 }),
      radius: fc.nat(4),
      at: fc.tuple(fc.nat(5), fc.nat(5)),
      seed: fc.nat(100),
    });
    fc.assert(
      fc.property(place, fc.boolean(), ({ height, width, radius, at, seed }, asBytes) => {
        const world = scattered(height, width, seed);
        const window = new OneHotWindow(world, { kinds, radius });
        const [y, x] = [at[0] % height, at[1] % width];
        const out = asBytes ? new Uint8Array(window.size).fill(9) : new Float32Array(window.size).fill(9);
        window.observe(y, x, out);
        expect([...out]).toEqual(expectedWindow(world, y, x, radius));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('writes its own values and no more', () => {
    const window = new OneHotWindow(scattered(3, 3, 1), { kinds, radius: 1 });
    expect(window.shape).toEqual([3, 3, 3]);
    const out = new Uint8Array(30).fill(9);
    window.observe(0, 0, out);
    expect([...out.subarray(27)]).toEqual([9, 9, 9]);
  });

  it('can show another kind beyond the world, or nothing', () => {
    const world = new World({ height: 1, width: 1, layers: [sand], entities: [] });
    const out = new Uint8Array(27);
    new OneHotWindow(world, { kinds, radius: 1, fillKind: 'Gem' }).observe(0, 0, out);
    expect([...out.subarray(9, 18)]).toEqual([1, 1, 1, 1, 0, 1, 1, 1, 1]);
    expect([...out.subarray(18)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0]);
    new OneHotWindow(world, { kinds, radius: 1, fillKind: 'EmptyEntity' }).observe(0, 0, out);
    expect(out.every((value) => value === 0)).toBe(true);
  });

  it('refuses a world whose kinds it has no channel for', () => {
    const world = scattered(2, 2, 1);
    expect(() => new OneHotWindow(world, { kinds: ['EmptyEntity', 'Wall'], radius: 1 })).toThrow('the kind Gem');
    expect(() => new OneHotWindow(world, { kinds, radius: 1, fillKind: 'Sea' })).toThrow('the kind Sea');
  });
});
