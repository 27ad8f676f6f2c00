import { MarlinError } from '../errors.js';

/**
 * Refuses what is no action of a discrete space.
 * @throws MarlinError `ERR_ENVIRONMENT` naming agent, action and range
 */
export function checkAction(agent: number, action: number, count: number): void {
  if (Number.isInteger(action) && action >= 0 && action < count) return;
  throw new MarlinError('ERR_ENVIRONMENT', `Actions are 0 to ${count - 1}, but agent ${agent} was given ${action}.`);
}
