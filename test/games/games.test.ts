import { MarlSystem } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { findGame, games } from '#marlin/games/games.js';
import { nothingRequested } from './play.js';
import { refusalOf } from './refusal.js';

const names = ['treasurehunt', 'cartpole', 'acrobot', 'matrix-game'];

describe('the built-in games', () => {
  it('are found by name', () => {
    expect(games.map((game) => game.name)).toEqual(names);
    for (const game of games) expect(findGame(game.name)).toBe(game);
  });

  it('are named where one is not found', () => {
    expect(() => findGame('chess')).toThrow(
      expect.objectContaining({ field: 'environment', value: 'chess', bound: `one of ${names.join(', ')}` }),
    );
  });

  it.each(names)('can be trained in: %s', async (name) => {
    const summary = await new MarlSystem({
      environment: name,
      agents: { algorithm: { name: 'dqn', hiddenSizes: [8], frameStack: 1 } },
      experiment: { totalTurns: 300, seed: 1 },
      parallel: { execution: 'sequential', learningStarts: 100, batchSize: 16 },
    }).run();
    expect(summary).toMatchObject({ turns: 300, reason: 'finished' });
    expect(summary.trainSteps).toBeGreaterThan(0);
  });

  it.each(names)('follow what the run asks for, and must not contradict it: %s', (name) => {
    const game = findGame(name);
    const request = { agentCount: 2, maxTurns: 30 };
    const resolved = game.resolve({}, request);
    expect(resolved).toMatchObject({ maxTurns: 30, options: { agents: 2, maxTurns: 30 } });
    expect(game.resolve(structuredClone(resolved.options), request)).toEqual(resolved);
    expect(refusalOf(name, { agents: 3 }, request)).toMatchObject({ field: 'environmentOptions.agents', value: 3 });
    expect(refusalOf(name, { maxTurns: 31 }, request)).toMatchObject({
      field: 'environmentOptions.maxTurns',
      value: 31,
    });
  });
});

describe('the options of cartpole and acrobot', () => {
  it.each(['cartpole', 'acrobot'])('default to one agent and 500 turns: %s', (name) => {
    const options = { agents: 1, maxTurns: 500 };
    expect(findGame(name).resolve({ agents: undefined }, nothingRequested)).toEqual({ options, maxTurns: 500 });
  });

  it.each([
    ['agent', 2, 'absent: there is no such setting, only agents, maxTurns'],
    ['agents', 0, 'at least 1'],
    ['agents', 1025, 'at most 1024'],
    ['agents', 1.5, 'a whole number'],
    ['maxTurns', 0, 'at least 1'],
    ['maxTurns', '500', 'a finite number'],
  ])('refuse %s = %s, naming the bound', (option, value, bound) => {
    for (const name of ['cartpole', 'acrobot']) {
      expect(refusalOf(name, { [option]: value })).toMatchObject({
        code: 'ERR_CONFIGURATION',
        field: `environmentOptions.${option}`,
        value,
        bound,
      });
    }
  });
});

describe('the options of matrix-game', () => {
  it("default to the prisoner's dilemma for 100 turns", () => {
    expect(findGame('matrix-game').resolve({}, nothingRequested)).toEqual({
      maxTurns: 100,
      options: { game: 'prisoners-dilemma', agents: 2, maxTurns: 100, payoffs: { CC: 3, CD: 0, DC: 5, DD: 1 } },
    });
  });

  it('keep the payoffs that are not set', () => {
    const { options } = findGame('matrix-game').resolve({ game: 'chicken', payoffs: { DD: -9 } }, nothingRequested);
    expect(options['payoffs']).toEqual({ CC: 3, CD: 1, DC: 4, DD: -9 });
  });

  it.each([
    ['game', { game: 'poker' }, 'poker', 'one of "prisoners-dilemma", "stag-hunt", "chicken"'],
    ['agents', { agents: 3 }, 3, '2'],
    ['maxTurns', { maxTurns: 0.5 }, 0.5, 'a whole number'],
    ['rounds', { rounds: 5 }, 5, 'absent: there is no such setting, only game, agents, maxTurns, payoffs'],
    ['payoffs', { payoffs: 3 }, 3, 'an object'],
    ['payoffs.CC', { payoffs: { CC: '3' } }, '3', 'a finite number'],
    ['payoffs.DD', { payoffs: { DD: Infinity } }, Infinity, 'a finite number'],
    ['payoffs.R', { payoffs: { R: 3 } }, 3, 'absent: there is no such setting'],
  ])('refuse %s, naming value and bound: %j', (option, options, value, bound) => {
    expect(refusalOf('matrix-game', options)).toMatchObject({
      code: 'ERR_CONFIGURATION',
      field: `environmentOptions.${option}`,
      value,
      bound,
    });
  });

  it('refuse a run with another number of agents', () => {
    const request = { agentCount: 3, maxTurns: undefined };
    expect(refusalOf('matrix-game', {}, request)).toMatchObject({ field: 'environmentOptions.agents', value: 3 });
  });
});
