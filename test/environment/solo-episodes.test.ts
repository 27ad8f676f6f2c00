import { describe, expect, it } from 'vitest';
import { SoloEpisodes, type SoloTask } from '#marlin/environment/solo-episodes.js';
import type { RandomStream } from '#marlin/random.js';
import { testStream } from './streams.js';

/** Counts its steps and ends for good after `length` of them; it pays the number of the step. */
class Countdown implements SoloTask {
  reward = 0;
  isTerminal = false;
  start = 0;
  readonly #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  restart(random: RandomStream): void {
    this.reward = 0;
    this.isTerminal = false;
    this.start = random.uniform();
  }

  step(): void {
    this.reward++;
    this.isTerminal = this.reward >= this.#length;
  }

  observe(out: Float32Array): void {
    out[0] = this.reward;
  }
}

const space = {
  observation: { size: 1, dtype: 'f32' },
  action: { kind: 'discrete', count: 2 },
} as const;

function make(lengths: readonly number[], maxSteps: number): SoloEpisodes<Countdown> {
  const game = new SoloEpisodes({ tasks: lengths.map((length) => new Countdown(length)), space, maxSteps });
  game.reset(testStream());
  return game;
}

/** What one turn leaves: observations, rewards, terminated, truncated, done. */
function turn(game: SoloEpisodes<Countdown>): readonly [number[], number[], number[], number[], boolean] {
  game.beginTurn();
  for (let agent = 0; agent < game.agents.length; agent++) game.act(agent, 1);
  game.endTurn();
  return [observations(game), [...game.rewards], [...game.terminated], [...game.truncated], game.done];
}

function observations(game: SoloEpisodes<Countdown>): number[] {
  return game.agents.map((_, agent) => {
    const out = new Float32Array(1);
    game.observe(agent, out);
    return out[0];
  });
}

describe('solo episodes', () => {
  it('name their agents and give them all the same space', () => {
    expect(make([1, 1], 5).agents).toEqual([
      { id: 'agent-0', ...space },
      { id: 'agent-1', ...space },
    ]);
  });

  it('end one by one, show the last observation, and start afresh in the next turn', () => {
    const game = make([2, 5], 100);
    expect(turn(game)).toEqual([[1, 1], [1, 1], [0, 0], [0, 0], false]);
    expect(turn(game)).toEqual([[2, 2], [2, 2], [1, 0], [0, 0], false]);
    game.beginTurn();
    expect(observations(game)).toEqual([0, 2]);
    expect([...game.terminated]).toEqual([0, 0]);
    expect([...game.rewards]).toEqual([0, 0]);
    game.act(0, 0);
    game.act(1, 0);
    game.endTurn();
    expect(observations(game)).toEqual([1, 3]);
    expect(turn(game)).toEqual([[2, 4], [2, 4], [1, 0], [0, 0], false]);
    expect(turn(game)).toEqual([[1, 5], [1, 5], [0, 1], [0, 0], true]);
  });

  it('are truncated after so many steps of their own, and terminated where both would be', () => {
    const game = make([2, 3, 4], 3);
    turn(game);
    expect(turn(game)).toEqual([[2, 2, 2], [2, 2, 2], [1, 0, 0], [0, 0, 0], false]);
    expect(turn(game)).toEqual([[1, 3, 3], [1, 3, 3], [0, 1, 0], [0, 0, 1], true]);
  });

  it('end the epoch of a single agent', () => {
    const game = make([2], 100);
    expect(turn(game).at(-1)).toBe(false);
    expect(turn(game).at(-1)).toBe(true);
  });

  it('begin anew with a reset, wherever they were', () => {
    const game = make([2, 3], 100);
    for (let count = 0; count < 3; count++) turn(game);
    expect(game.done).toBe(true);
    game.reset(testStream());
    expect([game.done, ...game.terminated, ...game.rewards, ...observations(game)]).toEqual([false, 0, 0, 0, 0, 0, 0]);
    const fresh = make([2, 3], 100);
    for (let count = 0; count < 3; count++) expect(turn(game)).toEqual(turn(fresh));
  });

  it('draw their starts from the stream of the epoch alone, agent by agent', () => {
    const game = make([1, 2], 100);
    const random = testStream();
    expect(game.tasks.map((task) => task.start)).toEqual([random.uniform(), random.uniform()]);
    turn(game);
    game.beginTurn();
    expect(game.tasks[0].start).toBe(random.uniform());
  });

  it('refuse what is no action, and a turn before the first reset', () => {
    const game = make([1, 1], 5);
    for (const action of [-1, 2, 0.5, Number.NaN]) {
      expect(() => game.act(1, action)).toThrow(
        expect.objectContaining({
          code: 'ERR_ENVIRONMENT',
          message: `Actions are 0 to 1, but agent 1 was given ${action}.`,
        }),
      );
    }
    const unborn = new SoloEpisodes({ tasks: [new Countdown(1)], space, maxSteps: 5 });
    expect(() => unborn.beginTurn()).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
  });
});
