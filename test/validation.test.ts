import { ConfigurationError } from 'marlin-rl';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { count, finiteNumber, positive, orInfinity, settingsBy, strictSettings, wholeNumber } from '#marlin/schemas.js';
import { parseSetting } from '#marlin/validation.js';

function refusal(schema: v.GenericSchema, value: unknown, field = 'at'): ConfigurationError | undefined {
  try {
    parseSetting(schema, value, field);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  return undefined;
}

const shape = v.union([
  v.array(strictSettings({ side: finiteNumber })),
  strictSettings({ radius: positive, name: v.optional(v.string()) }),
]);

const target = settingsBy('kind', [
  strictSettings({ kind: v.literal('hard'), every: count }),
  strictSettings({ kind: v.literal('soft') }),
]);

describe('a setting', () => {
  it('is completed with its defaults', () => {
    expect(parseSetting(strictSettings({ a: v.optional(finiteNumber, 3) }), {}, '')).toEqual({ a: 3 });
  });

  it.each<[string, v.GenericSchema, unknown, string, unknown, string]>([
    ['a whole', strictSettings({}), 5, 'at', 5, 'an object'],
    ['an unknown key', strictSettings({}), { b: 1 }, 'at.b', 1, 'absent: there is no such setting'],
    [
      'a key within',
      strictSettings({ a: strictSettings({ b: wholeNumber }) }),
      { a: { b: 'x' } },
      'at.a.b',
      'x',
      'a finite number',
    ],
    ['an entry', v.array(v.pipe(wholeNumber, v.maxValue(5))), [1, 9], 'at.1', 9, 'at most 5'],
    ['an exclusive bound', v.pipe(finiteNumber, v.ltValue(1)), 1, 'at', 1, 'less than 1'],
    ['a short list', v.pipe(v.array(wholeNumber), v.minLength(2)), [1], 'at', [1], 'at least 2 entries'],
    ['a long text', v.pipe(v.string(), v.maxLength(1)), 'ab', 'at', 'ab', 'at most 1 character'],
    ['a choice', v.picklist(['a', 'b']), 'c', 'at', 'c', 'one of "a", "b"'],
    ['the only choice', v.literal(3), 4, 'at', 4, '3'],
    [
      'what the schema says itself',
      v.pipe(
        v.string(),
        v.check(() => false, 'a palindrome'),
      ),
      'ab',
      'at',
      'ab',
      'a palindrome',
    ],
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
    ['a list for an object', strictSettings({}), [], 'at', [], 'an object'],
    ['a missing key, by what it should be', strictSettings({ a: shape }), {}, 'at.a', undefined, 'a list or an object'],
    ['an infinity', finiteNumber, Infinity, 'at', Infinity, 'a finite number'],
    ['a number that no double holds', wholeNumber, 2 ** 60, 'at', 2 ** 60, 'at most 9007199254740991'],
    ['a fraction that may be endless', orInfinity(count), 1.5, 'at', 1.5, 'a whole number, Infinity or "Infinity"'],
    ['an unknown kind', target, { kind: 'slow' }, 'at.kind', 'slow', 'one of "hard", "soft"'],
    ['no kind', target, {}, 'at.kind', undefined, 'one of "hard", "soft"'],
    ['a list for a kind', target, [], 'at', [], 'an object'],
    ['a key of a kind', target, { kind: 'hard' }, 'at.every', undefined, 'a finite number'],
    [
      'a key missing in a plug-in',
      v.strictObject({ a: v.number() }),
      {},
      'at.a',
      undefined,
      'given: it has no default',
    ],
    ['a number in a plug-in', v.object({ a: v.number() }), { a: 'x' }, 'at.a', 'x', 'a number'],
  ])('is refused by name, value and bound: %s', (_, schema, value, field, refused, bound) => {
    const error = refusal(schema, value);
    expect(error).toMatchObject({ field, bound });
    expect(error?.value).toEqual(refused);
  });

  it('has the name that its place has in the whole', () => {
    const schema = strictSettings({ a: wholeNumber });
    expect(refusal(schema, { a: 0.5 }, 'parallel')?.field).toBe('parallel.a');
    expect(refusal(schema, { a: 0.5 }, '')?.field).toBe('a');
    expect(refusal(schema, 5, '')?.field).toBe('configuration');
  });
});
