import type { EnvironmentDefinition } from '../environment/environment.js';
import { ConfigurationError } from '../errors.js';
import { environment as acrobot } from './acrobot/acrobot.js';
import { environment as cartpole } from './cartpole/cartpole.js';
import { environment as matrixGame } from './matrix-game/matrix-game.js';
import { environment as treasurehunt } from './treasurehunt/treasurehunt.js';

/** The environments that come with Marlin. */
export const games: readonly EnvironmentDefinition[] = [treasurehunt, cartpole, acrobot, matrixGame];

/** The built-in environment of that name; throws `ConfigurationError` naming those there are. */
export function findGame(name: string): EnvironmentDefinition {
  const game = games.find((candidate) => candidate.name === name);
  if (game !== undefined) return game;
  const known = games.map((candidate) => candidate.name).join(', ');
  throw new ConfigurationError('environment', name, `one of ${known}`);
}
