import * as v from 'valibot';
import { ConfigurationError } from './errors.js';

/**
 * Checks `value` against a schema and fills in its defaults.
 * @param field path of the value in the user's configuration, for example `parallel`; '' for the whole
 * @throws ConfigurationError naming the first offending field, its value and the bound
 */
export function parseSetting<T>(schema: v.GenericSchema<unknown, T>, value: unknown, field: string): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = furthest(result.issues[0]);
  const name = [field, ...issue.path].filter((part) => part !== '').join('.');
  const known = 'entries' in schema ? Object.keys(schema.entries as v.ObjectEntries) : [];
  const isOnTop = issue.path.length === 1 && known.length > 0;
  const bound = issue.bound === absent && isOnTop ? `${absent}, only ${known.join(', ')}` : issue.bound;
  throw new ConfigurationError(name === '' ? 'configuration' : name, valueAt(value, issue.path), bound);
}

type Issue = v.BaseIssue<unknown>;

/** What is refused, and what would have been right. */
interface Refusal {
  readonly path: readonly string[];
  readonly bound: string;
}

/** Of a union's alternatives, the one that got furthest says what the user meant. */
function furthest(issue: Issue): Refusal {
  const path = pathOf(issue);
  const deepest = issue.issues?.toSorted((left, right) => pathOf(right).length - pathOf(left).length)[0];
  if (deepest === undefined || pathOf(deepest).length === 0) return { path, bound: boundOf(issue) };
  const refusal = furthest(deepest);
  return { ...refusal, path: [...path, ...refusal.path] };
}

function pathOf(issue: Issue): string[] {
  return issue.path?.map(({ key }) => String(key)) ?? [];
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** What would have been right, in words. */
function boundOf(issue: Issue): string {
  const { type, expected } = issue;
  switch (type) {
    case 'min_value':
    case 'min_length':
      return `at least ${amountOf(issue)}`;
    case 'gt_value':
      return `greater than ${amountOf(issue)}`;
    case 'max_value':
    case 'max_length':
      return `at most ${amountOf(issue)}`;
    case 'lt_value':
      return `less than ${amountOf(issue)}`;
    case 'literal':
      return String(expected);
    case 'picklist':
      return choices(expected);
    case 'variant':
      return expected === 'Object' ? anObject : choices(expected);
    case 'instance':
      return `a ${expected}`;
    case 'union':
      return alternatives([...new Set(issue.issues?.map(boundOf))]);
    case 'object':
    case 'loose_object':
    case 'strict_object':
      if (expected === 'Object') return anObject;
      return expected === 'never' ? absent : 'given: it has no default';
    default:
      return typeNames[type] ?? issue.message;
  }
}

const anObject = 'an object';
const absent = 'absent: there is no such setting';

const typeNames: Readonly<Record<string, string>> = {
  number: 'a number',
  finite: 'a finite number',
  integer: 'a whole number',
  string: 'a string',
  boolean: 'true or false',
  array: 'a list',
  record: anObject,
};

/**
 * Valibot lists what it expected as `("a" | "b")`, or as `"a"` where there is one choice only; one that may be left out
 * as `("a" | undefined)`.
 */
function choices(expected: string | null): string {
  const list = String(expected).replaceAll(/\(("[^"]*") \| undefined\)/g, '$1');
  return list.startsWith('(') ? `one of ${list.slice(1, -1).replaceAll(' | ', ', ')}` : list;
}

/** `a`, `a or b`, `a, b or c` */
function alternatives(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join('');
  return `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}`;
}

function amountOf({ input, requirement }: Issue): string {
  if (Array.isArray(input)) return `${requirement} ${requirement === 1 ? 'entry' : 'entries'}`;
  if (typeof input === 'string') return `${requirement} ${requirement === 1 ? 'character' : 'characters'}`;
  return String(requirement);
}

/**
 * Options that travel to the threads that make something of them.
 * @param what is made, in words
 * @throws ConfigurationError naming the first that is no plain data
 */
export function checkPlainData(
  options: Readonly<Record<string, unknown>>,
  field: string,
  what: string,
): Readonly<Record<string, unknown>> {
  for (const [name, value] of Object.entries(options)) {
    if (isPlainData(value)) continue;
    throw new ConfigurationError(`${field}.${name}`, value, `plain data: ${what} is made in another thread`);
  }
  return options;
}

/** True for what arrives in another thread as what it was: a URL or an object of a class would be cloned to something else. */
function isPlainData(value: unknown, within: readonly unknown[] = []): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false;
  if (typeof value !== 'object' || value === null) return true;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return false;
  if (within.includes(value)) return true;
  return Object.values(value).every((part) => isPlainData(part, [...within, value]));
}
