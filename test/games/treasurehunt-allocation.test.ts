import { describe, expect, it } from 'vitest';
import { RandomStream } from '#marlin/random.js';
import { makeTreasurehunt } from './play.js';

const turnsOfWindow = 20_000;
/** The smallest object of the engine takes 16 bytes or more: one for each turn would be 320 kB a window. */
const mostBytes = 32_000;

describe('a turn of treasurehunt', () => {
  it('allocates nothing once warm', async () => {
    const game = await makeTreasurehunt();
    const random = RandomStream.named({ seed: 1, role: 'test' });
    const view = new Uint8Array(game.agents[0].observation.size);
    const play = (turns: number): void => {
      for (let turn = 0; turn < turns; turn++) {
        game.beginTurn();
        for (let agent = 0; agent < game.agents.length; agent++) {
          game.observe(agent, view);
          game.act(agent, random.integer(4));
        }
        game.endTurn();
      }
    };
    game.reset(random);
    for (let round = 0; round < 10; round++) play(turnsOfWindow);

    const growth = Array.from({ length: 15 }, () => {
      const before = process.memoryUsage().heapUsed;
      play(turnsOfWindow);
      return process.memoryUsage().heapUsed - before;
    });
    // The median, because a collection inside a window makes its growth negative.
    expect(growth.toSorted((a, b) => a - b)[7]).toBeLessThan(mostBytes);
  });
});
