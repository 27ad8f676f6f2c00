import { describe, expect, it } from 'vitest';
import type { TurnEnvironment } from '#marlin/environment/environment.js';
import { testStream } from '../environment/streams.js';
import { makeGame } from './episodes.js';

const [C, D] = [0, 1];

/** What each agent observes, as the number of the value that is 1. */
function seen(game: TurnEnvironment): number[] {
  return game.agents.map((_, agent) => {
    const out = new Uint8Array(5).fill(7);
    game.observe(agent, out);
    expect(out.toSorted()).toEqual(Uint8Array.of(0, 0, 0, 0, 1));
    return out.indexOf(1);
  });
}

/** One turn; the rewards of both. */
function play(game: TurnEnvironment, ...actions: readonly number[]): number[] {
  game.beginTurn();
  actions.forEach((action, agent) => game.act(agent, action));
  game.endTurn();
  return [...game.rewards];
}

describe('a matrix game', () => {
  it.each([
    ['prisoners-dilemma', ['cooperate', 'defect'], { R: 3, S: 0, T: 5, P: 1 }],
    ['stag-hunt', ['stag', 'hare'], { R: 4, S: 0, T: 3, P: 1 }],
    ['chicken', ['swerve', 'straight'], { R: 3, S: 1, T: 4, P: 0 }],
  ])('pays in %s what the game is known for', async (name, actions, { R, S, T, P }) => {
    const game = await makeGame('matrix-game', { game: name });
    expect(game.agents.map((agent) => agent.action.names)).toEqual([actions, actions]);
    game.reset(testStream());
    expect(play(game, C, C)).toEqual([R, R]);
    expect(play(game, C, D)).toEqual([S, T]);
    expect(play(game, D, C)).toEqual([T, S]);
    expect(play(game, D, D)).toEqual([P, P]);
  });

  it('takes payoffs as they are set, one by one', async () => {
    const game = await makeGame('matrix-game', { game: 'chicken', payoffs: { DD: -10, DC: 2.5 } });
    game.reset(testStream());
    expect([play(game, C, D), play(game, D, D), play(game, C, C)]).toEqual([
      [1, 2.5],
      [-10, -10],
      [3, 3],
    ]);
  });

  it('shows each agent the last joint action, its own first', async () => {
    const game = await makeGame('matrix-game');
    game.reset(testStream());
    expect(game.agents[0].observation).toEqual({ size: 5, dtype: 'u8' });
    expect(seen(game)).toEqual([0, 0]);
    const [CC, CD, DC, DD] = [1, 2, 3, 4];
    play(game, C, C);
    expect(seen(game)).toEqual([CC, CC]);
    play(game, C, D);
    expect(seen(game)).toEqual([CD, DC]);
    play(game, D, C);
    expect(seen(game)).toEqual([DC, CD]);
    play(game, D, D);
    expect(seen(game)).toEqual([DD, DD]);
    game.reset(testStream());
    expect(seen(game)).toEqual([0, 0]);
  });

  it('does not show the second agent what the first has just done', async () => {
    const game = await makeGame('matrix-game');
    game.reset(testStream());
    play(game, C, C);
    game.beginTurn();
    game.act(0, D);
    expect(seen(game)).toEqual([1, 1]);
    expect([...game.rewards]).toEqual([0, 0]);
    game.act(1, C);
    expect(seen(game)).toEqual([1, 1]);
    game.endTurn();
    expect(seen(game)).toEqual([3, 2]);
    expect([...game.rewards]).toEqual([5, 0]);
  });

  it('is the same from both sides', async () => {
    const [game, mirrored] = [await makeGame('matrix-game'), await makeGame('matrix-game')];
    const random = testStream();
    for (const each of [game, mirrored]) each.reset(testStream());
    for (let turn = 0; turn < 200; turn++) {
      const [first, second] = [random.integer(2), random.integer(2)];
      expect(play(mirrored, second, first)).toEqual(play(game, first, second).toReversed());
      expect(seen(mirrored)).toEqual(seen(game).toReversed());
    }
  });

  it('never ends by itself', async () => {
    const game = await makeGame('matrix-game');
    game.reset(testStream());
    for (let turn = 0; turn < 500; turn++) play(game, D, C);
    expect([game.done, ...game.terminated, ...game.truncated]).toEqual([false, 0, 0, 0, 0]);
  });

  it('refuses what is no action', async () => {
    const game = await makeGame('matrix-game');
    expect(() => game.act(0, 2)).toThrow(
      expect.objectContaining({
        code: 'ERR_ENVIRONMENT',
        message: 'Actions are 0 to 1, but agent 0 was given 2.',
      }),
    );
  });
});
