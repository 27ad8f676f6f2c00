import type {
  ActionSpace,
  AgentSpec,
  EnvironmentDefinition,
  EnvironmentRequest,
  ResolvedEnvironment,
  TurnEnvironment,
} from '../environment/environment.js';
import { ConfigurationError, MarlinError } from '../errors.js';
import { actionSize, choiceCounts } from '../environment/action-space.js';
import { findGame } from '../games/games.js';
import { moduleUrl } from '../module-url.js';

/** An environment as plain data: what a worker needs to make one of its own. */
export interface EnvironmentPlan {
  readonly reference: string | { readonly module: string };
  /** Options with every default filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Turns of an epoch at the most. */
  readonly maxTurns: number;
}

/**
 * Refuses bad options of a built-in game at once, before anything is loaded or started.
 * @throws ConfigurationError naming the option
 */
export function checkBuiltIn(
  reference: EnvironmentPlan['reference'],
  options: Readonly<Record<string, unknown>>,
  request: EnvironmentRequest,
): void {
  if (typeof reference === 'string') findGame(reference).resolve(options, request);
}

/**
 * Finds the environment, checks its options and fills in their defaults.
 * @throws ConfigurationError naming the option, or the module that exports no environment
 */
export async function planEnvironment(
  reference: EnvironmentPlan['reference'],
  options: Readonly<Record<string, unknown>>,
  request: EnvironmentRequest,
): Promise<EnvironmentPlan> {
  const definition = await loadDefinition(reference);
  const { options: complete, maxTurns } = definition.resolve(options, request);
  if (!(Number.isInteger(maxTurns) && maxTurns >= 1)) {
    const message = `The environment ${definition.name} says ${maxTurns} turns to an epoch; there must be at least 1.`;
    throw new MarlinError('ERR_ENVIRONMENT', message);
  }
  return { reference, options: complete, maxTurns };
}

/** Makes one environment in the calling thread. */
export async function createEnvironment(plan: EnvironmentPlan): Promise<TurnEnvironment> {
  const definition = await loadDefinition(plan.reference);
  const environment = await definition.create(plan.options);
  if (typeof environment !== 'object' || environment === null) {
    throw new MarlinError('ERR_ENVIRONMENT', `create() of ${definition.name} returned no environment.`);
  }
  try {
    checkAgents(environment, definition.name);
  } catch (error) {
    environment.dispose?.();
    throw error;
  }
  return environment;
}

/** A worker makes its own environment; it must have the agents that memory was planned for. */
export function checkSameAgents(agents: readonly AgentSpec[], environment: TurnEnvironment): void {
  const planned = JSON.stringify(agents);
  const made = JSON.stringify(plainSpecs(environment.agents));
  if (planned !== made) {
    throw new MarlinError(
      'ERR_ENVIRONMENT',
      `The environment has other agents each time it is made: first ${planned}, now ${made}.`,
    );
  }
}

async function loadDefinition(reference: EnvironmentPlan['reference']): Promise<EnvironmentDefinition> {
  if (typeof reference === 'string') return findGame(reference);
  let loaded: { readonly environment?: unknown };
  try {
    loaded = (await import(moduleUrl(reference.module))) as { readonly environment?: unknown };
  } catch (cause) {
    throw new MarlinError('ERR_ENVIRONMENT', `The environment module ${reference.module} could not be loaded.`, {
      cause,
    });
  }
  return completeDefinition(loaded.environment, reference.module);
}

/** A user's module may leave `name`, `summary` and `resolve` out. */
function completeDefinition(exported: unknown, module: string): EnvironmentDefinition {
  const definition = exported as Partial<EnvironmentDefinition> | undefined;
  if (typeof definition?.create !== 'function') {
    const bound = 'a module that exports `environment` with a function `create(options)`';
    throw new ConfigurationError('environment.module', module, bound);
  }
  return {
    name: definition.name ?? module,
    summary: definition.summary ?? '',
    // Bound, for both may be methods of a class.
    resolve: definition.resolve?.bind(definition) ?? resolveByRequest,
    create: definition.create.bind(definition),
  };
}

/** For a module that says nothing of its options: they are taken as they are. */
function resolveByRequest(
  options: Readonly<Record<string, unknown>>,
  { agentCount, maxTurns }: EnvironmentRequest,
): ResolvedEnvironment {
  if (maxTurns === undefined) {
    const bound = 'given, since the environment module has no `resolve` to say it';
    throw new ConfigurationError('experiment.maxTurns', undefined, bound);
  }
  return { options: { ...options, agents: agentCount ?? options['agents'] }, maxTurns };
}

/** The specs as plain data that travels to workers: a user's may have getters, or be objects of a class. */
export function plainSpecs(agents: readonly AgentSpec[]): AgentSpec[] {
  return agents.map(({ id, observation, action, hasActionMask }) => {
    const { size, dtype, scale = 1, shape = [size] } = observation;
    return {
      id,
      observation: { size, dtype, scale, shape: [...shape] },
      action: plainSpace(action),
      hasActionMask: hasActionMask ?? false,
    };
  });
}

function plainSpace(action: ActionSpace): ActionSpace {
  const names = action.names === undefined ? {} : { names: [...action.names] };
  switch (action.kind) {
    case 'discrete':
      return { kind: action.kind, count: action.count, ...names };
    case 'multi-discrete':
      return { kind: action.kind, counts: [...action.counts], ...names };
    case 'box':
      return { kind: action.kind, size: action.size, low: action.low, high: action.high, ...names };
  }
}

function checkAgents(environment: TurnEnvironment, name: string): void {
  const { agents } = environment;
  if (!Array.isArray(agents) || agents.length === 0) {
    throw new MarlinError('ERR_ENVIRONMENT', `The environment ${name} has no agents.`);
  }
  const ids = new Set<string>();
  for (const agent of agents) {
    checkAgent(agent, name);
    if (ids.has(agent.id)) throw new MarlinError('ERR_ENVIRONMENT', `The environment ${name} names ${agent.id} twice.`);
    ids.add(agent.id);
    if (agent.hasActionMask === true && environment.legalActions === undefined) {
      throw new MarlinError('ERR_ENVIRONMENT', `${agent.id} has an action mask, but there is no legalActions().`);
    }
  }
  const { length } = agents;
  for (const array of [environment.rewards, environment.terminated, environment.truncated]) {
    if (array?.length === length) continue;
    throw new MarlinError(
      'ERR_ENVIRONMENT',
      `rewards, terminated and truncated of ${name} must have one entry for each of its ${length} agents.`,
    );
  }
}

/** Environments are often plain JavaScript: what the types promise is checked here. */
function checkAgent(agent: AgentSpec, name: string): void {
  const { id, observation, action, hasActionMask } = agent;
  const refuse = (what: string): never => {
    throw new MarlinError('ERR_ENVIRONMENT', `The environment ${name} is not as it must be: ${what}.`);
  };
  if (typeof id !== 'string' || id === '') refuse(`an agent's id is ${String(id)}, which is no text`);
  const size = observation?.size;
  if (!Number.isInteger(size) || size < 1) refuse(`${id} observes ${size} values; there must be at least 1`);
  const { dtype, scale = 1 } = observation;
  if (dtype !== 'u8' && dtype !== 'f32')
    refuse(`observations of ${id} are ${String(dtype)}, which is neither u8 nor f32`);
  if (!Number.isFinite(scale)) refuse(`observations of ${id} are scaled by ${scale}, which is no finite number`);
  if (hasActionMask !== undefined && typeof hasActionMask !== 'boolean') {
    refuse(`hasActionMask of ${id} is ${String(hasActionMask)}, which is neither true nor false`);
  }
  checkActionSpace(action, (what) => refuse(`${id} ${what}`));
}

function checkActionSpace(action: ActionSpace, refuse: (what: string) => never): void {
  if (action?.kind === 'box') {
    const { low, high } = action;
    if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) {
      refuse(`has actions between ${low} and ${high}; both must be finite, the first smaller`);
    }
  } else if (action?.kind !== 'discrete' && action?.kind !== 'multi-discrete') {
    refuse(`has actions of the kind ${String((action as Partial<ActionSpace> | undefined)?.kind)}, which is unknown`);
  }
  for (const count of choiceCounts(action)) {
    if (!Number.isInteger(count) || count < 1) refuse(`has ${count} actions; there must be at least 1`);
  }
  const size = actionSize(action);
  if (!Number.isInteger(size) || size < 1) refuse(`has ${size} values to an action; there must be at least 1`);
}
