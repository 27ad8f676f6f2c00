import type { TurnEnvironment } from '#marlin/environment/environment.js';
import { findGame } from '#marlin/games/games.js';
import { RandomStream } from '#marlin/random.js';
import { nothingRequested } from './play.js';

/** A game as a user gets it. */
export async function makeGame(
  name: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<TurnEnvironment> {
  const definition = findGame(name);
  return definition.create(definition.resolve(options, nothingRequested).options);
}

export type Policy = (view: Float32Array, random: RandomStream, agent: number) => number;

export function uniformly(count: number): Policy {
  return (_, random) => random.integer(count);
}

export interface Episode {
  readonly steps: number;
  readonly return: number;
  readonly terminated: boolean;
  /** The observation after the last step. */
  readonly final: readonly number[];
}

/** Plays an epoch, until it is done, and gives each agent's first episode in it. */
export function firstEpisodes(game: TurnEnvironment, policy: Policy, seed: number, epoch: number): Episode[] {
  const actions = RandomStream.named({ seed, role: 'exploration', epoch });
  const episodes: Episode[] = [];
  const returns = game.agents.map(() => 0);
  const view = new Float32Array(game.agents[0].observation.size);
  game.reset(RandomStream.named({ seed, role: 'environment', epoch }));
  for (let turn = 1; !game.done; turn++) {
    if (turn > 1000) throw new Error('The epoch does not end.');
    game.beginTurn();
    for (let agent = 0; agent < game.agents.length; agent++) {
      game.observe(agent, view);
      game.act(agent, policy(view, actions, agent));
    }
    game.endTurn();
    for (let agent = 0; agent < game.agents.length; agent++) {
      if (episodes[agent] !== undefined) continue;
      returns[agent] += game.rewards[agent];
      const terminated = game.terminated[agent] === 1;
      if (!terminated && game.truncated[agent] === 0) continue;
      game.observe(agent, view);
      episodes[agent] = { steps: turn, return: returns[agent], terminated, final: [...view] };
    }
  }
  return episodes;
}
