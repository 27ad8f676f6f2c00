import { ConfigurationError } from '../errors.js';
import type { AlgorithmContext } from './algorithm.js';

/**
 * Actions of an agent that is played by action values.
 * @throws ConfigurationError where its actions are not one choice among some
 */
export function actionCountOf({ agent }: AlgorithmContext, algorithmName: string): number {
  const { action, id } = agent;
  if (action.kind === 'discrete') return action.count;
  const bound = 'one for other actions than one choice of several, for example "ppo"';
  throw new ConfigurationError(
    'agents.algorithm.name',
    algorithmName,
    bound,
    `the actions of ${id} are ${action.kind}`,
  );
}
