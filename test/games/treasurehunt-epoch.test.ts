import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chiSquareBound, testStream } from '../environment/streams.js';
import { picture, turn } from './arrange.js';
import { makeTreasurehunt } from './play.js';

const [up, down] = [0, 1];

describe('an epoch of treasurehunt', () => {
  it('starts with the agents on distinct interior cells, each as likely, and no treasures', async () => {
    const game = await makeTreasurehunt({ height: 4, width: 5, agents: 2 });
    const counts = new Map<string, number>();
    const epochs = 15_000;
    for (let epoch = 0; epoch < epochs; epoch++) {
      game.reset(testStream(epoch));
      const key = game.bodies.map((body) => `${body.y} ${body.x}`).join(', ');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    // 6 cells: 30 ordered pairs.
    expect(counts.size).toBe(30);
    const expected = epochs / 30;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(chiSquareBound(29));
    expect(
      picture(game)
        .join('')
        .replaceAll(/[#.\d]/g, ''),
    ).toBe('');
  });

  it('can fill the whole interior with agents', async () => {
    const game = await makeTreasurehunt({ height: 4, width: 4, agents: 4, spawnProbability: 1 });
    game.reset(testStream());
    expect(picture(game).join('').replaceAll('#', '').split('').toSorted().join('')).toBe('0123');
    expect(turn(game, up, up, up, up).filter((reward) => reward === -1)).toHaveLength(2);
  });

  it('keeps walls, sand and agents as they are, and spawns inside only', async () => {
    const options = fc.record({
      height: fc.integer({ min: 3, max: 8 }),
      width: fc.integer({ min: 3, max: 8 }),
      spawnProbability: fc.constantFrom(0, 0.05, 0.5, 1),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(options, async ({ seed, ...rest }) => {
        const game = await makeTreasurehunt({ ...rest, agents: Math.min(3, (rest.height - 2) * (rest.width - 2)) });
        const random = testStream(seed);
        game.reset(random);
        const border = /^#+$/;
        for (let count = 0; count < 20; count++) {
          turn(game, ...game.agents.map(() => random.integer(4)));
          const lines = picture(game);
          expect(lines[0]).toMatch(border);
          expect(lines.at(-1)).toMatch(border);
          for (const line of lines.slice(1, -1)) expect(line).toMatch(/^#[.GFB\d]+#$/);
          const digits = lines.join('').replaceAll(/\D/g, '');
          expect([...digits].toSorted().join('')).toBe(game.agents.map((_, index) => index).join(''));
          for (let location = 0; location < rest.height * rest.width; location++) {
            expect(game.world.kinds[game.world.kindOfCell[2 * location]]).toBe('EmptyEntity');
          }
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('spawns each treasure as often as the others, with the probability given', async () => {
    const [turns, epochs, probability] = [30, 300, 0.02];
    const game = await makeTreasurehunt({ spawnProbability: probability });
    const counts = { G: 0, F: 0, B: 0 };
    for (let epoch = 0; epoch < epochs; epoch++) {
      game.reset(testStream(epoch));
      for (let count = 0; count < turns; count++) game.beginTurn();
      const letters = picture(game).join('');
      for (const letter of ['G', 'F', 'B'] as const) counts[letter] += letters.split(letter).length - 1;
    }
    // 361 interior cells less the agents', each full after t turns with probability 1 − (1 − p)^t.
    const expected = (1 - (1 - probability) ** turns) / 3;
    const trials = 359 * epochs;
    const standardError = Math.sqrt(expected * (1 - expected) * trials);
    for (const count of Object.values(counts)) {
      expect(Math.abs(count - expected * trials)).toBeLessThan(4 * standardError);
    }
  });

  it('spawns nothing but gems in gems-only', async () => {
    const game = await makeTreasurehunt({ variant: 'gems-only' });
    game.reset(testStream());
    for (let count = 0; count < 50; count++) turn(game, ...game.agents.map(() => up));
    expect(picture(game).join('')).toMatch(/^[#.G\d]+$/);
    expect(picture(game).join('').split('G').length).toBeGreaterThan(20);
  });

  it('never ends by itself', async () => {
    const game = await makeTreasurehunt();
    game.reset(testStream());
    for (let count = 0; count < 1000; count++) turn(game, up, down);
    expect([game.done, ...game.terminated, ...game.truncated]).toEqual([false, 0, 0, 0, 0]);
  });

  it('cannot begin without a stream', async () => {
    const game = await makeTreasurehunt();
    expect(() => game.beginTurn()).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
  });
});
