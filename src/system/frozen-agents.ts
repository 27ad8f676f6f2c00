import type { FrozenConfiguration } from '../algorithms/fixed.js';
import { fixed } from '../algorithms/fixed.js';
import type { AgentSpec } from '../environment/environment.js';
import { ConfigurationError, MarlinError } from '../errors.js';
import { parseSetting } from '../validation.js';
import type { AlgorithmReference } from './algorithm-modules.js';
import { loadAlgorithm } from './algorithm-modules.js';
import type { AgentSettings } from './configuration.js';
import { savedRun } from './saved-run.js';
import type { SavedWeights } from './weight-files.js';
import { readWeights } from './weight-files.js';

/**
 * The settings of an agent with the weights read from their run, where its algorithm is `fixed`; any others as they are.
 * @param agent whom it is to play
 * @param field path of its algorithm in the configuration
 * @throws ConfigurationError where the run knows no such agent, or it saw or did other things than `agent`
 * @throws MarlinError `ERR_RUN_DIRECTORY` or `ERR_TENSOR_FILE` where there is no run, or no whole file of weights
 */
export async function withFrozenWeights(
  settings: AgentSettings,
  agent: AgentSpec,
  field: string,
): Promise<AgentSettings> {
  if (settings.algorithmReference !== fixed.name) return settings;
  const { run, agent: id = agent.id } = parseSetting(fixed.schema, settings.algorithm, field);
  const { agents } = await savedRun(run);
  if (!agents.includes(id)) {
    throw new ConfigurationError(`${field}.agent`, id, `one of ${agents.join(', ')}`, `the agents of ${run}`);
  }
  const weights = await readWeights(run, id);
  checkSpaces(weights, agent, field, id, run);
  return { ...settings, ...(await freeze(weights, { run, agent: id })) };
}

/** Saved weights as an algorithm to play by. */
export async function freeze(
  weights: SavedWeights,
  source: FrozenConfiguration['source'],
): Promise<{ readonly algorithmReference: AlgorithmReference; readonly algorithm: FrozenConfiguration }> {
  const { algorithmReference, settings, tensors, trainSteps, writtenBy } = weights;
  const { schema } = await loadAlgorithm(algorithmReference);
  try {
    const algorithm = { source, settings: parseSetting(schema, settings, ''), tensors, trainSteps, writtenBy };
    return { algorithmReference: { frozen: algorithmReference }, algorithm };
  } catch (cause) {
    const what = `The settings of ${source.agent} in ${source.run}, written by Marlin ${writtenBy},`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MarlinError('ERR_TENSOR_FILE', `${what} are not those of this version's algorithm: ${reason}`, { cause });
  }
}

/** Weights mean nothing to an agent that sees or does something else. */
function checkSpaces(weights: SavedWeights, agent: AgentSpec, field: string, id: string, run: string): void {
  const saved = spacesOf(weights);
  const played = spacesOf(agent);
  for (const name of new Set([...Object.keys(saved), ...Object.keys(played)])) {
    if (saved[name] === played[name]) continue;
    const bound = `an agent whose ${name} is ${played[name]}, as that of ${agent.id}`;
    throw new ConfigurationError(`${field}.agent`, id, bound, `that of ${id} in ${run} is ${saved[name]}`);
  }
}

/** What a policy depends on of the spaces of its agent: all but shapes and names, which are for people. */
function spacesOf({ observation, action }: Pick<AgentSpec, 'observation' | 'action'>): Record<string, unknown> {
  const { names: _names, ...rest } = action;
  const parts = 'counts' in rest ? { ...rest, counts: `[${rest.counts.join(', ')}]` } : rest;
  const actions = Object.entries(parts).map(([key, value]) => [`action.${key}`, value] as const);
  return {
    'observation.size': observation.size,
    'observation.scale': observation.scale ?? 1,
    ...Object.fromEntries(actions),
  };
}
