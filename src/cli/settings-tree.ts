import { ConfigurationError } from '../errors.js';

/** Configuration as the command line builds it up, before it is checked. */
export type SettingsTree = Record<string, unknown>;

/**
 * Sets the value at a dotted path, making the objects on the way.
 * @throws ConfigurationError where the path leads through something that is no object or list
 */
export function assign(tree: SettingsTree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() ?? path;
  let place: SettingsTree = tree;
  for (const key of keys) {
    checkKey(place, key, path, value);
    const next = Object.hasOwn(place, key) ? place[key] : undefined;
    if (next === undefined) {
      const made: SettingsTree = {};
      place[key] = made;
      place = made;
    } else if (typeof next === 'object' && next !== null) {
      place = next as SettingsTree;
    } else {
      throw new ConfigurationError(path, value, `a path of settings, and ${key} is ${JSON.stringify(next)}`);
    }
  }
  checkKey(place, last, path, value);
  place[last] = value;
}

function checkKey(place: SettingsTree, key: string, path: string, value: unknown): void {
  if (forbidden.has(key)) throw new ConfigurationError(path, value, 'a path of settings');
  if (Array.isArray(place) && !(/^\d+$/.test(key) && Number(key) < place.length)) {
    throw new ConfigurationError(path, value, `a path through a list of ${place.length}, whose entries are 0, 1, …`);
  }
}

/** Names that would reach into the objects' prototypes. */
const forbidden = new Set(['__proto__', 'constructor', 'prototype']);
