import type { EnvironmentDefinition } from '#marlin/environment/environment.js';
import { environment, TreasurehuntEnvironment } from '#marlin/games/treasurehunt/treasurehunt.js';
import { RandomStream } from '#marlin/random.js';

export const nothingRequested: Parameters<EnvironmentDefinition['resolve']>[1] = {
  agentCount: undefined,
  maxTurns: undefined,
};

/** Treasurehunt as a user gets it: options resolved by the definition, the environment made by its factory. */
export async function makeTreasurehunt(
  options: Readonly<Record<string, unknown>> = {},
): Promise<TreasurehuntEnvironment> {
  const made = await environment.create(environment.resolve(options, nothingRequested).options);
  if (!(made instanceof TreasurehuntEnvironment)) throw new Error('The factory made another environment.');
  return made;
}

export interface EpochResult {
  /** Sum of the rewards of all agents and turns. */
  readonly reward: number;
  /** Rewards of exactly −1, which by default only a wall gives. */
  readonly bumps: number;
}

/** Plays an epoch with uniformly random actions. */
export function playRandomly(game: TreasurehuntEnvironment, seed: number, epoch: number, turns: number): EpochResult {
  const actions = RandomStream.named({ seed, role: 'exploration', epoch });
  game.reset(RandomStream.named({ seed, role: 'environment', epoch }));
  let reward = 0;
  let bumps = 0;
  for (let turn = 0; turn < turns; turn++) {
    game.beginTurn();
    for (let agent = 0; agent < game.agents.length; agent++) game.act(agent, actions.integer(4));
    game.endTurn();
    for (const value of game.rewards) {
      reward += value;
      if (value === -1) bumps++;
    }
  }
  return { reward, bumps };
}

export interface Estimate {
  readonly mean: number;
  readonly deviation: number;
  /** Standard deviation of the mean. */
  readonly standardError: number;
}

export function estimate(values: readonly number[]): Estimate {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, deviation: Math.sqrt(variance), standardError: Math.sqrt(variance / values.length) };
}
