import { ConfigurationError } from '../errors.js';
import type { Algorithm } from './algorithm.js';
import { withCustomNetworks } from './custom-network-dispatch.js';
import { dqn } from './dqn.js';
import { fixed } from './fixed.js';
import { iqn } from './iqn.js';
import { ppo } from './ppo.js';
import { random } from './random.js';

const anyPpo = withCustomNetworks(ppo, async () => (await import('./ppo-tensorflow.js')).tensorFlowPpo);
const anyDqn = withCustomNetworks(dqn, async () => (await import('./dqn-tensorflow.js')).tensorFlowDqn);

const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  [dqn.name, anyDqn as Algorithm],
  [iqn.name, iqn as Algorithm],
  [ppo.name, anyPpo as Algorithm],
  [fixed.name, fixed as Algorithm],
  [random.name, random as Algorithm],
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
