import { games } from '../games/games.js';
import type { ResolvedConfiguration } from '../system/configuration.js';
import { MarlSystem } from '../system/marl-system.js';

/** Enough for a standard error of a few per cent in the built-in games. */
const epochs = 300;
const maxSeconds = 2;

/**
 * Mean summed reward per epoch of uniformly random actions in the same game, measured now; undefined for environments
 * that are not built in, for making another one of those may cost anything, and where it cannot be had.
 */
export async function randomBaseline(configuration: ResolvedConfiguration): Promise<number | undefined> {
  try {
    return await measure(configuration);
  } catch {
    // The run itself is done and has its result; what it is compared with is not worth losing that.
    return undefined;
  }
}

async function measure(configuration: ResolvedConfiguration): Promise<number | undefined> {
  const { environment, environmentOptions, agentCount, experiment } = configuration;
  if (!games.some((game) => game.name === environment) || typeof environment !== 'string') return undefined;
  const summary = await new MarlSystem({
    environment,
    environmentOptions,
    agents: { ...(agentCount === undefined ? {} : { count: agentCount }), algorithm: { name: 'random' } },
    experiment: {
      epochs,
      maxSeconds,
      seed: experiment.seed,
      ...(experiment.maxTurns === undefined ? {} : { maxTurns: experiment.maxTurns }),
    },
    parallel: { execution: 'sequential', bufferCapacity: 100 },
  }).run();
  return summary.epochs === 0 ? undefined : summary.rewardMean;
}
