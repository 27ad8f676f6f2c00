import { createHash } from 'node:crypto';
import { MarlinError } from '../errors.js';

// The safetensors format, https://github.com/huggingface/safetensors (version 0.4 and later):
//
//   8 bytes   length of the header, little-endian
//   header    JSON: { "__metadata__": { text: text }, name: { dtype, shape, data_offsets: [begin, end] }, … }, spaces
//   data      the tensors' values, without gaps; offsets count from its first byte
//
// Any reader of the format opens what is written here. Besides, the metadata hold `marlin_sha256`: the SHA-256 of the whole
// file with those 64 digits taken as zeros. Where a file has one it is checked, so no flipped bit passes unnoticed.

export type TensorValues = Float32Array | Float64Array | Int32Array | Uint8Array;

/** A tensor in the order of its shape (row-major). Its dtype follows from the array: F32, F64, I32 or U8. */
export interface Tensor {
  readonly name: string;
  /** Empty for a single number. */
  readonly shape: readonly number[];
  readonly values: TensorValues;
}

export interface TensorFile {
  /** In the order of the data. */
  readonly tensors: readonly Tensor[];
  /** Keys other than `marlin_sha256` are the writer's own. */
  readonly metadata: Readonly<Record<string, string>>;
}

const arrays = { F32: Float32Array, F64: Float64Array, I32: Int32Array, U8: Uint8Array } as const;
type Dtype = keyof typeof arrays;

const metadataKey = '__metadata__';
export const hashKey = 'marlin_sha256';
const lengthBytes = 8;
/** What the reference library refuses as well. */
const longestHeader = 100_000_000;
/** Headers are filled up with spaces, so that the data begin at a multiple of this. */
const alignment = 8;
const noHash = '0'.repeat(64);

/** One tensor of a header. */
interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [begin: number, end: number];
}

/**
 * A whole file.
 * @throws RangeError where a name comes twice or a shape does not fit its values
 */
export function encodeSafetensors({ tensors, metadata }: TensorFile): Uint8Array<ArrayBuffer> {
  const entries: [string, TensorEntry][] = [];
  let end = 0;
  for (const { name, shape, values } of tensors) {
    const isTaken = name === metadataKey || entries.some(([known]) => known === name);
    if (isTaken) throw new RangeError(`A tensor cannot be called ${name}: the name is taken.`);
    if (sizeOf(shape) !== values.length) {
      throw new RangeError(`${name} has the shape [${shape.join(', ')}], but ${values.length} values.`);
    }
    entries.push([name, { dtype: dtypeOf(values), shape, data_offsets: [end, end + values.byteLength] }]);
    end += values.byteLength;
  }
  // fromEntries rather than assignments: a tensor may be called __proto__.
  const content = Object.fromEntries([[metadataKey, { ...metadata, [hashKey]: noHash }], ...entries]);
  const text = Buffer.from(JSON.stringify(content));
  const headerBytes = Math.ceil(text.length / alignment) * alignment;
  const file = Buffer.alloc(lengthBytes + headerBytes + end, ' ');
  file.writeBigUInt64LE(BigInt(headerBytes));
  text.copy(file, lengthBytes);
  for (const [index, { values }] of tensors.entries()) {
    const [begin] = entries[index][1].data_offsets;
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), lengthBytes + headerBytes + begin);
  }
  file.write(hashOf(file), hashPlace(file, noHash), 'latin1');
  return new Uint8Array(file.buffer, file.byteOffset, file.length);
}

/**
 * Reads a whole file.
 * @param name what to call it in errors
 * @throws MarlinError `ERR_TENSOR_FILE` naming what is wrong, where it is truncated, damaged or of unknown dtypes
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): TensorFile {
  const refuse: Refusal = (what, cause) => {
    const message = `${name} is no whole safetensors file: ${what}.`;
    throw new MarlinError('ERR_TENSOR_FILE', message, cause === undefined ? {} : { cause });
  };
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(file, refuse);
  const metadata = header.get(metadataKey) ?? {};
  header.delete(metadataKey);
  checkMetadata(metadata, refuse);
  const entries = [...header].map(([tensor, entry]) => checkEntry(tensor, entry, refuse));
  // Tensors without values begin where the next one does.
  entries.sort((left, right) => left.begin - right.begin || left.end - right.end);
  const dataStart = lengthBytes + headerLength(file, refuse);
  const available = file.length - dataStart;
  let end = 0;
  for (const entry of entries) {
    if (entry.begin !== end) {
      refuse(`the data of ${entry.name} begin at byte ${entry.begin}, those of the tensor before end at ${end}`);
    }
    end = entry.end;
  }
  if (end !== available) refuse(`its tensors take ${end} bytes, but there are ${available} behind the header`);
  checkHash(file, metadata[hashKey], refuse);
  const tensors = entries.map(({ name: tensor, dtype, shape, begin, end: last }) => ({
    name: tensor,
    shape,
    // A copy: nothing says that the data lie at multiples of the values' size.
    values: new arrays[dtype](new Uint8Array(file.subarray(dataStart + begin, dataStart + last)).buffer),
  }));
  return { tensors, metadata };
}

type Refusal = (what: string, cause?: unknown) => never;

function headerLength(file: Buffer, refuse: Refusal): number {
  if (file.length < lengthBytes) refuse(`it has ${file.length} bytes, too few for the length of a header`);
  const length = file.readBigUInt64LE();
  const most = Math.min(file.length - lengthBytes, longestHeader);
  if (length > most) refuse(`its header should have ${length} bytes, but at most ${most} are possible`);
  return Number(length);
}

function readHeader(file: Buffer, refuse: Refusal): Map<string, unknown> {
  const bytes = file.subarray(lengthBytes, lengthBytes + headerLength(file, refuse));
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    refuse(`its header is no JSON (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
  if (!isObject(content)) refuse('its header is no JSON object');
  return new Map(Object.entries(content));
}

function checkMetadata(metadata: unknown, refuse: Refusal): asserts metadata is Readonly<Record<string, string>> {
  if (!isObject(metadata)) refuse(`${metadataKey} is no object`);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') refuse(`${key} in ${metadataKey} is no text`);
  }
}

interface CheckedEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function checkEntry(name: string, entry: unknown, refuse: Refusal): CheckedEntry {
  if (!isObject(entry)) refuse(`${name} is no object`);
  const { dtype, shape, data_offsets: offsets } = entry as Partial<TensorEntry>;
  if (dtype === undefined || !isDtype(dtype)) {
    refuse(`${name} has the dtype ${String(dtype)}; known are ${Object.keys(arrays).join(', ')}`);
  }
  if (!isCounts(shape)) refuse(`the shape of ${name} is ${JSON.stringify(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2) refuse(`the offsets of ${name} are ${JSON.stringify(offsets)}`);
  const [begin, end] = offsets;
  const bytes = sizeOf(shape) * arrays[dtype].BYTES_PER_ELEMENT;
  if (end - begin !== bytes) {
    refuse(`${name} takes ${bytes} bytes by its shape [${shape.join(', ')}], but ${end - begin} by its offsets`);
  }
  return { name, dtype, shape, begin, end };
}

function checkHash(file: Buffer, claimed: string | undefined, refuse: Refusal): void {
  if (claimed === undefined) return;
  const place = hashPlace(file, claimed);
  if (place < 0 || claimed.length !== noHash.length) refuse(`its ${hashKey} is ${claimed}, which is no such hash`);
  const blank = Buffer.from(file);
  blank.write(noHash, place, 'latin1');
  const found = hashOf(blank);
  if (found !== claimed) refuse(`its content has the SHA-256 ${found}, but should have ${claimed}`);
}

/** Where the digits of the file's own hash lie; −1 where they do not. */
function hashPlace(file: Buffer, digits: string): number {
  // Quotes inside of texts are escaped, so this stands for the key and nothing else.
  const start = `"${hashKey}":"`;
  const place = file.indexOf(`${start}${digits}"`, lengthBytes, 'latin1');
  return place < 0 ? place : place + start.length;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function dtypeOf(values: TensorValues): Dtype {
  if (values instanceof Float32Array) return 'F32';
  if (values instanceof Float64Array) return 'F64';
  return values instanceof Int32Array ? 'I32' : 'U8';
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function isDtype(text: string): text is Dtype {
  return Object.hasOwn(arrays, text);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}
