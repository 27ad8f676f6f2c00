import { z } from 'zod';
import { ConfigurationError } from '../errors.js';

/**
 * The pieces that options of environments are made of. Each schema's message is the bound in words ("an integer from
 * 3 to 1024"), because that is what {@link parseOptions} tells the user.
 */
export function integerFrom(least: number, most: number): z.ZodNumber {
  const bound = `an integer from ${least} to ${most}`;
  return z.int(bound).min(least, bound).max(most, bound);
}

export function positiveInteger(): z.ZodNumber {
  const bound = 'an integer of at least 1';
  return z.int(bound).min(1, bound);
}

export function probability(): z.ZodNumber {
  const bound = 'a number from 0 to 1';
  return z.number(bound).min(0, bound).max(1, bound);
}

export function finiteNumber(): z.ZodNumber {
  return z.number('a finite number');
}

/**
 * Checks options against a strict object schema; throws a `ConfigurationError` for the first that is refused.
 * @param path what the options are called in the configuration; a field is `path.name`
 */
export function parseOptions<Schema extends z.ZodObject>(
  schema: Schema,
  options: Readonly<Record<string, unknown>>,
  path = 'environmentOptions',
): z.output<Schema> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  if (unknown !== undefined) {
    const known = Object.keys(schema.shape).join(', ');
    throw new ConfigurationError(`${path}.${unknown}`, options[unknown], `left out: the options are ${known}`);
  }
  const name = String(issue.path[0]);
  throw new ConfigurationError(`${path}.${name}`, options[name], issue.message);
}
