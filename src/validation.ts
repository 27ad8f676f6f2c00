import type { z } from 'zod';
import { ConfigurationError } from './errors.js';

/**
 * Checks `value` against a schema and fills in its defaults.
 * @param field path of the value in the user's configuration, for example `parallel`; '' for the whole
 * @throws ConfigurationError naming the first offending field, its value and the bound
 */
export function parseSetting<T>(schema: z.ZodType<T>, value: unknown, field: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw toConfigurationError(result.error.issues[0], value, field);
}

function toConfigurationError(issue: z.core.$ZodIssue, root: unknown, field: string): ConfigurationError {
  if (issue.code === 'invalid_union') {
    // Of the alternatives, the one that got furthest says what the user meant.
    const deepest = issue.errors.flat().toSorted((left, right) => right.path.length - left.path.length)[0];
    if (deepest !== undefined && deepest.path.length > 0) {
      return toConfigurationError({ ...deepest, path: [...issue.path, ...deepest.path] }, root, field);
    }
  }
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]] : issue.path;
  const name = [field, ...path.map(String)].filter((part) => part !== '').join('.');
  return new ConfigurationError(name === '' ? 'configuration' : name, valueAt(root, path), boundOf(issue));
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** What would have been right, in words. */
function boundOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      return `${issue.inclusive === false ? 'greater than' : 'at least'} ${issue.minimum}${sizeUnit(issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${sizeUnit(issue.origin)}`;
    case 'invalid_type':
      return issue.expected === 'int' ? 'a whole number' : `of type ${issue.expected}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? JSON.stringify(issue.values[0])
        : `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'unrecognized_keys':
      return 'absent: there is no such setting';
    case 'invalid_union':
      return issue.discriminator === undefined ? 'of a known form' : `a known ${issue.discriminator}`;
    default:
      return issue.message;
  }
}

function sizeUnit(origin: string): string {
  if (origin === 'array') return ' entries';
  return origin === 'string' ? ' characters' : '';
}
