import * as v from 'valibot';

// Pieces of which settings are made, where valibot's own would accept more than a setting may be. What they refuse is
// put into words by validation.ts.

/** Neither NaN nor an infinity. */
export const finiteNumber = v.custom<number>(Number.isFinite, 'a finite number');

/** A whole number that a double holds exactly. */
export const wholeNumber = v.pipe(
  finiteNumber,
  // A schema, not a validation: in a union, 1.5 is told of all alternatives.
  v.custom<number>(Number.isInteger, 'a whole number'),
  v.minValue(Number.MIN_SAFE_INTEGER),
  v.maxValue(Number.MAX_SAFE_INTEGER),
);

/** 1, 2, … */
export const count = v.pipe(wholeNumber, v.minValue(1));

/** 0, 1, 2, … */
export const countOrZero = v.pipe(wholeNumber, v.minValue(0));

/** A finite number above 0. */
export const positive = v.pipe(finiteNumber, v.gtValue(0));

/** From 0 to 1, both included. */
export const share = v.pipe(finiteNumber, v.minValue(0), v.maxValue(1));

/** Some text. */
export const text = v.pipe(v.string(), v.minLength(1));

/** A module of the user's: a path, which counts from the working directory where it is relative, or a URL. */
export const moduleAddress = v.union([text, v.instance(URL)]);

/** Either what `schema` takes, or `Infinity`, which is written as text where there is only JSON. */
export function orInfinity<const Schema extends v.GenericSchema>(schema: Schema) {
  return v.union([
    schema,
    v.literal(Infinity),
    v.pipe(
      v.literal('Infinity'),
      v.transform(() => Infinity),
    ),
  ]);
}

/** Settings by name. Others than these are refused. */
export function strictSettings<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.StrictObjectSchema<Entries, undefined> {
  return ofObjects(v.strictObject(entries), namesNeeded(entries));
}

/** Settings by name, and any others besides. */
export function looseSettings<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.LooseObjectSchema<Entries, undefined> {
  return ofObjects(v.looseObject(entries), namesNeeded(entries));
}

/** One of several {@link strictSettings}, told apart by the literal that each has under `key`. */
export function settingsBy<const Key extends string, const Options extends v.VariantOptions<Key>>(
  key: Key,
  options: Options,
): v.VariantSchema<Key, Options, undefined> {
  return ofObjects(v.variant(key, options), {});
}

/** Settings that are checked elsewhere. */
export const anySettings = v.custom<Record<string, unknown>>(isPlainObject, 'an object');

/**
 * Valibot takes lists, dates and maps for objects, and says of a key that is missing not what it should be: one that is
 * undefined is refused in the words of its own schema.
 */
function ofObjects<Schema extends v.GenericSchema>(
  schema: Schema,
  needed: Readonly<Record<string, undefined>>,
): Schema {
  const run: Schema['~run'] = (dataset, config) => {
    const { value } = dataset;
    return schema['~run']({ ...dataset, value: isPlainObject(value) ? { ...needed, ...value } : undefined }, config);
  };
  return { ...schema, '~run': run };
}

function namesNeeded(entries: v.ObjectEntries): Record<string, undefined> {
  const names = Object.keys(entries).filter((name) => entries[name].type !== 'optional');
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

function isPlainObject(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]';
}
