import { ConfigurationError } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseSetting } from '#marlin/validation.js';

function refusal(schema: z.ZodType, value: unknown, field = 'at'): ConfigurationError | undefined {
  try {
    parseSetting(schema, value, field);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  return undefined;
}

const shape = z.union([
  z.array(z.strictObject({ side: z.number() })),
  z.strictObject({ radius: z.number().positive(), name: z.string().optional() }),
]);

describe('a setting', () => {
  it('is completed with its defaults', () => {
    expect(parseSetting(z.strictObject({ a: z.number().default(3) }), {}, '')).toEqual({ a: 3 });
  });

  it.each<[string, z.ZodType, unknown, string, unknown, string]>([
    ['a whole', z.strictObject({}), 5, 'at', 5, 'an object'],
    ['an unknown key', z.strictObject({}), { b: 1 }, 'at.b', 1, 'absent: there is no such setting'],
    [
      'a key within',
      z.strictObject({ a: z.strictObject({ b: z.int() }) }),
      { a: { b: 'x' } },
      'at.a.b',
      'x',
      'a finite number',
    ],
    ['an entry', z.array(z.int().max(5)), [1, 9], 'at.1', 9, 'at most 5'],
    ['an exclusive bound', z.number().lt(1), 1, 'at', 1, 'less than 1'],
    ['a short list', z.array(z.int()).min(2), [1], 'at', [1], 'at least 2 entries'],
    ['a long text', z.string().max(1), 'ab', 'at', 'ab', 'at most 1 character'],
    ['a choice', z.enum(['a', 'b']), 'c', 'at', 'c', 'one of "a", "b"'],
    ['the only choice', z.literal(3), 4, 'at', 4, '3'],
    ['what the schema says itself', z.string().refine(() => false, 'a palindrome'), 'ab', 'at', 'ab', 'a palindrome'],
    ['a union, told by the key', shape, { radius: -1 }, 'at.radius', -1, 'greater than 0'],
    [
      'a union, told by an unknown key',
      shape,
      { radius: 1, nmae: 'x' },
      'at.nmae',
      'x',
      'absent: there is no such setting',
    ],
    ['a union, told by an entry', shape, [{ side: 'x' }], 'at.0.side', 'x', 'a finite number'],
    ['a union, not told', shape, 'x', 'at', 'x', 'a list or an object'],
  ])('is refused by name, value and bound: %s', (_, schema, value, field, refused, bound) => {
    const error = refusal(schema, value);
    expect(error).toMatchObject({ field, bound });
    expect(error?.value).toEqual(refused);
  });

  it('has the name that its place has in the whole', () => {
    const schema = z.strictObject({ a: z.int() });
    expect(refusal(schema, { a: 0.5 }, 'parallel')?.field).toBe('parallel.a');
    expect(refusal(schema, { a: 0.5 }, '')?.field).toBe('a');
    expect(refusal(schema, 5, '')?.field).toBe('configuration');
  });
});
