import { ConfigurationError, MarlinError } from 'marlin-rl';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorFromData, errorToData, toError } from '#marlin/errors.js';

/** As it comes out of another thread. */
function acrossThreads(thrown: unknown): Error {
  return errorFromData(structuredClone(errorToData(thrown)));
}

describe('an error that crosses a thread boundary', () => {
  it('keeps class, code, message, stack and causes', () => {
    const cause = Object.assign(new TypeError('inner'), { code: 'E_INNER', cause: new RangeError('innermost') });
    const error = new MarlinError('ERR_ENVIRONMENT', 'outer', { cause });
    const arrived = acrossThreads(error);
    expect(arrived).toBeInstanceOf(MarlinError);
    expect(arrived).toMatchObject({
      name: 'MarlinError',
      code: 'ERR_ENVIRONMENT',
      message: 'outer',
      stack: error.stack,
      cause: {
        name: 'TypeError',
        code: 'E_INNER',
        message: 'inner',
        cause: { name: 'RangeError', message: 'innermost' },
      },
    });
  });

  it('keeps a foreign code and name', () => {
    const error = Object.assign(new Error('no such file'), { name: 'SystemError', code: 'ENOENT' });
    expect(acrossThreads(error)).toMatchObject({ name: 'SystemError', code: 'ENOENT', message: 'no such file' });
    expect(acrossThreads(new Error('plain'))).not.toHaveProperty('code');
  });

  it('keeps what a refusal names, its reason included', () => {
    const error = new ConfigurationError('parallel.batchSize', 0, 'at least 1', 'nothing can be learnt from nothing');
    const arrived = acrossThreads(error);
    expect(arrived).toBeInstanceOf(ConfigurationError);
    expect(arrived).toMatchObject({
      field: 'parallel.batchSize',
      value: 0,
      bound: 'at least 1',
      message: error.message,
    });
    expect(arrived.message).toBe(
      'parallel.batchSize is 0, but must be at least 1 (nothing can be learnt from nothing).',
    );
  });

  it('describes a refused value that cannot cross', () => {
    const arrived = acrossThreads(new ConfigurationError('field', () => {}, 'a number'));
    expect(arrived).toMatchObject({
      field: 'field',
      value: 'a function',
      message: 'field is a function, but must be a number.',
    });
  });

  it('keeps the cause of a refused setting', () => {
    const error = new ConfigurationError('a.b', 3, 'at least 4');
    error.cause = new RangeError('why');
    expect(acrossThreads(error)).toMatchObject({
      field: 'a.b',
      value: 3,
      bound: 'at least 4',
      cause: { message: 'why' },
    });
  });

  it('does not follow causes for ever', () => {
    const error = new Error('of itself');
    error.cause = error;
    let depth = 0;
    for (let one: unknown = acrossThreads(error); one instanceof Error; one = one.cause) depth++;
    expect(depth).toBe(9);
  });

  it('may be anything at all', () => {
    const property = fc.property(
      fc.anything({ withBigInt: true, withSparseArray: true, withTypedArray: true }),
      (thrown) => {
        const arrived = acrossThreads(thrown);
        return arrived instanceof Error && arrived.message === toError(thrown).message;
      },
    );
    expect(fc.check(property, { numRuns: 1_000 }).counterexample).toBeNull();
  });
});

describe('a refusal', () => {
  it.each([
    ['text', '"text"'],
    [Number.NaN, 'NaN'],
    [-0, '0'],
    [Infinity, 'Infinity'],
    [undefined, 'undefined'],
    [null, 'null'],
    [3n, '3'],
    [Symbol('x'), 'Symbol(x)'],
    [[1, 2], '[1,2]'],
    [{ a: 1 }, '{"a":1}'],
    [{ big: 1n }, '[object Object]'],
  ])('shows the value: %o', (value, shown) => {
    expect(new ConfigurationError('field', value, 'other').message).toBe(`field is ${shown}, but must be other.`);
  });

  it('shortens a value that is long', () => {
    const { message, value } = new ConfigurationError(
      'field',
      Array.from({ length: 500 }, () => 7),
      'short',
    );
    expect(message.length).toBeLessThan(120);
    expect(value).toHaveLength(500);
  });
});

it('what was thrown stays the same object if it is an error', () => {
  const error = new Error('x');
  expect(toError(error)).toBe(error);
  expect(toError('x')).toMatchObject({ name: 'Error', message: '"x"' });
});
