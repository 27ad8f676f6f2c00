import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { firstEpisodes, makeGame, uniformly, type Policy } from './episodes.js';
import { estimate } from './play.js';

/** Torque along with the second link's motion relative to the first: pumps energy in. */
const swing: Policy = ([, , , , , velocity2]) => (velocity2 > 0 ? 2 : 0);

describe('acrobot', () => {
  it('is Acrobot-v1 to its agents', async () => {
    const game = await makeGame('acrobot', { agents: 2 });
    expect(game.agents.map((agent) => agent.id)).toEqual(['agent-0', 'agent-1']);
    expect(game.agents[0].observation).toEqual({ size: 6, dtype: 'f32' });
    expect(game.agents[0].action).toMatchObject({ kind: 'discrete', count: 3 });
  });

  it('costs 1 a step, but for the step that reaches the target', async () => {
    const game = await makeGame('acrobot');
    for (let epoch = 0; epoch < 20; epoch++) {
      const [{ steps, return: sum, terminated, final }] = firstEpisodes(game, swing, 1, epoch);
      expect(terminated).toBe(true);
      expect(sum).toBe(1 - steps);
      const [cosine1, sine1, cosine2, sine2] = final;
      expect(-cosine1 - (cosine1 * cosine2 - sine1 * sine2)).toBeGreaterThan(1 - 1e-6);
    }
  });

  it('is cut short after 500 steps, which is no termination', async () => {
    const game = await makeGame('acrobot');
    expect(firstEpisodes(game, () => 1, 1, 0)[0]).toMatchObject({ steps: 500, return: -500, terminated: false });
  });

  it('scores what its page says, at random and with the simple swing', async () => {
    const game = await makeGame('acrobot');
    const returns = (policy: Policy, count: number): number[] =>
      Array.from({ length: count }, (_, epoch) => firstEpisodes(game, policy, 2, epoch)[0].return);
    const random = estimate(returns(uniformly(3), 2000));
    const swinging = estimate(returns(swing, 2000));
    expect(Math.abs(random.mean + 499)).toBeLessThan(4 * random.standardError);
    expect(Math.abs(swinging.mean + 90.17)).toBeLessThan(4 * swinging.standardError);
  });

  it('is the same for the same stream, and on every engine: no change here without a word in the changelog', async () => {
    const game = await makeGame('acrobot');
    const trace = (seed: number, epoch: number): string => {
      const episodes = firstEpisodes(game, uniformly(3), seed, epoch);
      return createHash('sha256').update(JSON.stringify(episodes)).digest('hex');
    };
    const traces = [1, 2].flatMap((seed) => [0, 1, 2].map((epoch) => trace(seed, epoch)));
    expect(new Set(traces).size).toBe(6);
    expect([1, 2].flatMap((seed) => [0, 1, 2].map((epoch) => trace(seed, epoch)))).toEqual(traces);
    expect(traces[0].slice(0, 16)).toBe('21bed1ce67ee999f');
  });
});
