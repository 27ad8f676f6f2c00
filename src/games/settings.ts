import type { EnvironmentRequest } from '../environment/environment.js';
import { ConfigurationError } from '../errors.js';

/** What the options of a game are called in a configuration. */
export const optionsField = 'environmentOptions';

/**
 * The options given together with what the run says of `agents` and `maxTurns`, without what is undefined.
 * @throws ConfigurationError where the two differ
 */
export function gatherSettings(
  given: Readonly<Record<string, unknown>>,
  request: EnvironmentRequest,
): Record<string, unknown> {
  const requested = withoutUndefined({ agents: request.agentCount, maxTurns: request.maxTurns });
  for (const [name, value] of Object.entries(requested)) {
    if (given[name] === undefined || given[name] === value) continue;
    throw new ConfigurationError(`${optionsField}.${name}`, given[name], `${value}, as the run has it`);
  }
  return { ...requested, ...withoutUndefined(given) };
}

function withoutUndefined(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
