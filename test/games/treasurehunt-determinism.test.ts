import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TreasurehuntEnvironment } from '#marlin/games/treasurehunt/treasurehunt.js';
import { RandomStream } from '#marlin/random.js';
import { makeTreasurehunt, playRandomly } from './play.js';

/** Hash of all observations and rewards of an epoch. */
function trace(game: TreasurehuntEnvironment, seed: number, epoch: number): string {
  const hash = createHash('sha256');
  const actions = RandomStream.named({ seed, role: 'exploration', epoch });
  const view = new Uint8Array(game.agents[0].observation.size);
  game.reset(RandomStream.named({ seed, role: 'environment', epoch }));
  for (let turn = 0; turn < 100; turn++) {
    game.beginTurn();
    for (let agent = 0; agent < game.agents.length; agent++) {
      game.observe(agent, view);
      hash.update(view);
      game.act(agent, actions.integer(4));
    }
    game.endTurn();
    hash.update(new Uint8Array(game.rewards.buffer));
  }
  return hash.digest('hex');
}

describe('an epoch of treasurehunt', () => {
  it('is the same for the same stream, whatever was played before', async () => {
    const [fresh, used] = [await makeTreasurehunt(), await makeTreasurehunt()];
    for (let epoch = 0; epoch < 20; epoch++) playRandomly(used, 9, epoch, 100 - epoch);
    for (let epoch = 0; epoch < 5; epoch++) expect(trace(used, 1, epoch)).toBe(trace(fresh, 1, epoch));
  });

  it('differs from epoch to epoch and from seed to seed', async () => {
    const game = await makeTreasurehunt();
    const traces = [1, 2].flatMap((seed) => [0, 1, 2].map((epoch) => trace(game, seed, epoch)));
    expect(new Set(traces).size).toBe(6);
  });

  it('is the same on every engine and in every version: no change here without a word in the changelog', async () => {
    expect(trace(await makeTreasurehunt(), 1, 0).slice(0, 16)).toBe('a4d622acc09fea16');
  });
});
