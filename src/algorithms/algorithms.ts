import { ConfigurationError } from '../errors.js';
import type { Algorithm } from './algorithm.js';
import { dqn } from './dqn.js';
import { iqn } from './iqn.js';

const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  [dqn.name, dqn as Algorithm],
  [iqn.name, iqn as Algorithm],
]);

/** Names of the algorithms that a configuration may ask for. */
export function algorithmNames(): readonly string[] {
  return [...algorithms.keys()];
}

/**
 * The algorithm of this name.
 * @param field the setting that named it, for the error
 * @throws ConfigurationError listing the known names
 */
export function algorithmNamed(name: string, field = 'algorithm'): Algorithm {
  const found = algorithms.get(name);
  if (found === undefined) throw new ConfigurationError(field, name, `one of ${algorithmNames().join(', ')}`);
  return found;
}
