import { z } from 'zod';
import { ConfigurationError } from './errors.js';

/**
 * Checks `value` against a schema and fills in its defaults.
 * @param field path of the value in the user's configuration, for example `parallel`; '' for the whole
 * @throws ConfigurationError naming the first offending field, its value and the bound
 */
export function parseSetting<T>(schema: z.ZodType<T>, value: unknown, field: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0 && known.length > 0) {
    const name = [field, issue.keys[0]].filter((part) => part !== '').join('.');
    throw new ConfigurationError(name, valueAt(value, [issue.keys[0]]), `${absent}, only ${known.join(', ')}`);
  }
  throw toConfigurationError(issue, value, field);
}

function toConfigurationError(issue: z.core.$ZodIssue, root: unknown, field: string): ConfigurationError {
  if (issue.code === 'invalid_union') {
    // Of the alternatives, the one that got furthest says what the user meant.
    const deepest = issue.errors.flat().toSorted((left, right) => depthOf(right) - depthOf(left))[0];
    if (deepest !== undefined && depthOf(deepest) > 0) {
      return toConfigurationError({ ...deepest, path: [...issue.path, ...deepest.path] }, root, field);
    }
  }
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]] : issue.path;
  const name = [field, ...path.map(String)].filter((part) => part !== '').join('.');
  return new ConfigurationError(name === '' ? 'configuration' : name, valueAt(root, path), boundOf(issue));
}

/** Depth of what is refused; an unknown key lies inside of the object that the issue names. */
function depthOf(issue: z.core.$ZodIssue): number {
  return issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0);
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
      return `${issue.inclusive === false ? 'greater than' : 'at least'} ${amountOf(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${amountOf(issue.maximum, issue.origin)}`;
    case 'invalid_type':
      return typeNames[issue.expected] ?? `of type ${issue.expected}`;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'unrecognized_keys':
      return absent;
    case 'invalid_union':
      // A kind that may be left out is among them as undefined.
      if ('options' in issue) return oneOf((issue.options ?? []).filter((option) => option !== undefined));
      return alternatives([...new Set(issue.errors.flat().map(boundOf))]);
    default:
      return issue.message;
  }
}

const absent = 'absent: there is no such setting';

const typeNames: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a finite number',
  string: 'a string',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  URL: 'a URL',
};

function oneOf(values: readonly unknown[]): string {
  const names = values.map((value) => (typeof value === 'string' ? JSON.stringify(value) : String(value)));
  return names.length === 1 ? names[0] : `one of ${names.join(', ')}`;
}

/** `a`, `a or b`, `a, b or c` */
function alternatives(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join('');
  return `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}`;
}

function amountOf(amount: number | bigint, origin: string): string {
  if (origin === 'array') return `${amount} ${amount === 1 ? 'entry' : 'entries'}`;
  if (origin === 'string') return `${amount} ${amount === 1 ? 'character' : 'characters'}`;
  return String(amount);
}
