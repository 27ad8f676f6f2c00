import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { testStream } from '../environment/streams.js';
import { firstEpisodes, makeGame, uniformly, type Policy } from './episodes.js';
import { estimate } from './play.js';

const [left, right] = [0, 1];

/** Pushes towards where the pole falls, and a little towards the middle: holds for good. */
const balance: Policy = ([x, velocity, angle, angularVelocity]) =>
  angle + 0.3 * angularVelocity + 0.02 * x + 0.05 * velocity > 0 ? right : left;

/** Pushes towards where the pole turns: holds for some dozens of steps. */
const follow: Policy = ([, , , angularVelocity]) => (angularVelocity > 0 ? right : left);

describe('cartpole', () => {
  it('is CartPole-v1 to its agents', async () => {
    const game = await makeGame('cartpole');
    expect(game.agents).toEqual([
      {
        id: 'agent-0',
        observation: { size: 4, dtype: 'f32' },
        action: { kind: 'discrete', count: 2, names: ['left', 'right'] },
      },
    ]);
  });

  it('pays 1 for every step, the one that loses the pole too, and ends there', async () => {
    const game = await makeGame('cartpole');
    const view = new Float32Array(4);
    game.reset(testStream());
    let steps = 0;
    while (!game.done && steps < 100) {
      game.beginTurn();
      game.act(0, left);
      game.endTurn();
      expect([...game.rewards]).toEqual([1]);
      steps++;
    }
    // Pushed one way only, the pole falls the other way within 8 to 11 steps.
    expect(steps).toBeGreaterThanOrEqual(8);
    expect(steps).toBeLessThanOrEqual(11);
    expect([game.terminated[0], game.truncated[0]]).toEqual([1, 0]);
    game.observe(0, view);
    expect(view[2]).toBeGreaterThan(Math.PI / 15);
  });

  it('is cut short after 500 steps, which is no termination', async () => {
    const game = await makeGame('cartpole');
    for (let epoch = 0; epoch < 20; epoch++) {
      const [episode] = firstEpisodes(game, balance, 1, epoch);
      expect(episode).toMatchObject({ steps: 500, return: 500, terminated: false });
    }
  });

  it('lasts about 22 steps with random pushes', async () => {
    const game = await makeGame('cartpole');
    const policy = uniformly(2);
    const lengths = Array.from({ length: 40_000 }, (_, epoch) => firstEpisodes(game, policy, 2, epoch)[0].steps);
    const { mean, standardError } = estimate(lengths);
    expect(Math.abs(mean - 22.268)).toBeLessThan(4 * standardError);
  });

  it('lasts as long for each of several agents as for one, whatever the others do', async () => {
    const game = await makeGame('cartpole', { agents: 3 });
    const policy = uniformly(2);
    const episodes = Array.from({ length: 10_000 }, (_, epoch) => firstEpisodes(game, policy, 3, epoch));
    for (let agent = 0; agent < 3; agent++) {
      const { mean, standardError } = estimate(episodes.map((all) => all[agent].steps));
      expect(Math.abs(mean - 22.268)).toBeLessThan(4 * standardError);
    }
  });

  it('gives one agent the same episode, however the other fares', async () => {
    const game = await makeGame('cartpole', { agents: 2 });
    const others: Policy[] = [() => left, () => right, uniformly(2), balance];
    const [first, ...rest] = others.map((other) => {
      const policy: Policy = (view, random, agent) => (agent === 0 ? follow : other)(view, random, agent);
      return firstEpisodes(game, policy, 4, 0)[0];
    });
    expect(first.steps).toBeGreaterThan(30);
    for (const episode of rest) expect(episode).toEqual(first);
  });

  it('goes on with several agents until each has ended an episode', async () => {
    const game = await makeGame('cartpole', { agents: 2 });
    let falls = 0;
    const policy: Policy = (view, random, agent) => {
      if (agent === 1) return balance(view, random, agent);
      falls += game.terminated[0];
      return left;
    };
    const episodes = firstEpisodes(game, policy, 5, 0);
    expect(episodes.map((episode) => episode.terminated)).toEqual([true, false]);
    expect(episodes[0].steps).toBeLessThan(12);
    expect(episodes[1].steps).toBe(500);
    // At the time the agent is asked, its cart has been replaced.
    expect(falls).toBe(0);
  });

  it('is the same for the same stream, and on every engine: no change here without a word in the changelog', async () => {
    const game = await makeGame('cartpole', { agents: 2 });
    const trace = (seed: number, epoch: number): string => {
      const episodes = firstEpisodes(game, uniformly(2), seed, epoch);
      return createHash('sha256').update(JSON.stringify(episodes)).digest('hex');
    };
    const traces = [1, 2].flatMap((seed) => [0, 1, 2].map((epoch) => trace(seed, epoch)));
    expect(new Set(traces).size).toBe(6);
    expect([1, 2].flatMap((seed) => [0, 1, 2].map((epoch) => trace(seed, epoch)))).toEqual(traces);
    expect(traces[0].slice(0, 16)).toBe('5502735e568d5ef9');
  });
});
