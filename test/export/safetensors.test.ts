import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors, hashKey } from '#marlin/export/safetensors.js';
import type { Tensor, TensorFile, TensorValues } from '#marlin/export/safetensors.js';
import { MarlinError } from '#marlin/errors.js';
import { inFolder } from '../cli/run-command.js';

const arrays: readonly ((values: readonly number[]) => TensorValues)[] = [
  (values) => Float32Array.from(values),
  (values) => Float64Array.from(values),
  (values) => Int32Array.from(values),
  (values) => Uint8Array.from(values),
];

/** Names as people choose them, and as they should not. */
const names = fc.oneof(fc.string(), fc.constantFrom('w1', '__proto__', 'constructor', '"', 'ŵ', hashKey, '\\u0000'));

const tensorFiles = fc.record({
  tensors: fc
    .uniqueArray(
      fc.record({
        name: names.filter((name) => name !== '__metadata__'),
        shape: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
        kind: fc.nat({ max: arrays.length - 1 }),
        seed: fc.nat({ max: 200 }),
      }),
      { selector: ({ name }) => name, maxLength: 6 },
    )
    .map((specs) =>
      specs.map(({ name, shape, kind, seed }): Tensor => {
        const size = shape.reduce((product, extent) => product * extent, 1);
        return { name, shape, values: arrays[kind](Array.from({ length: size }, (_, index) => seed + index)) };
      }),
    ),
  metadata: fc.dictionary(
    names.filter((name) => name !== hashKey),
    fc.string(),
  ),
});

function withoutHash({ tensors, metadata }: TensorFile): TensorFile {
  return { tensors, metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== hashKey)) };
}

/** Whatever their order: that of tensors without values is open. */
function byName(tensors: readonly Tensor[]): Map<string, Tensor> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

function headerOf(bytes: Uint8Array): Record<string, Record<string, unknown>> {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  return JSON.parse(text) as Record<string, Record<string, unknown>>;
}

/** A file with this header, whatever it says, and so many bytes of data. */
function fileWith(header: unknown, dataBytes: number): Uint8Array {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const bytes = new Uint8Array(8 + Buffer.byteLength(text) + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Buffer.byteLength(text)), true);
  bytes.set(Buffer.from(text), 8);
  return bytes;
}

/** True where a file is refused, or read but has no hash: then the key of the hash was hit. */
function isNoticed(damaged: Uint8Array): boolean {
  try {
    return decodeSafetensors(damaged, 'it').metadata[hashKey] === undefined;
  } catch (error) {
    return error instanceof MarlinError && error.code === 'ERR_TENSOR_FILE';
  }
}

const example: TensorFile = {
  tensors: [
    { name: 'w', shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { name: 'odd', shape: [3], values: Uint8Array.of(7, 8, 9) },
    { name: 'count', shape: [], values: Int32Array.of(-1) },
    { name: 'none', shape: [0, 5], values: new Float64Array(0) },
  ],
  metadata: { agent: 'agent-0' },
};

describe('a safetensors file', () => {
  test('is, byte by byte, what the format says', () => {
    const bytes = encodeSafetensors({
      tensors: [{ name: 'a', shape: [2, 1], values: Float32Array.of(1, -2) }],
      metadata: { k: 'v' },
    });
    const header = Buffer.from(bytes)
      .subarray(8, 8 + 168)
      .toString('latin1');
    // The length 168 = 0xa8, little-endian; then JSON filled up with spaces to a multiple of 8.
    expect([...bytes.subarray(0, 8)]).toEqual([0xa8, 0, 0, 0, 0, 0, 0, 0]);
    const digits = /"marlin_sha256":"([0-9a-f]{64})"/.exec(header)?.[1] ?? '';
    expect(header).toBe(
      `{"__metadata__":{"k":"v","marlin_sha256":"${digits}"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}`.padEnd(
        168,
      ),
    );
    const blank = Buffer.from(Buffer.from(bytes).toString('latin1').replace(digits, '0'.repeat(64)), 'latin1');
    expect(digits).toBe(createHash('sha256').update(blank).digest('hex'));
    // 1 = 0x3f800000, −2 = 0xc0000000.
    expect([...bytes.subarray(176)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  test('is read as it was written', () => {
    fc.assert(
      fc.property(tensorFiles, (file) => {
        const bytes = encodeSafetensors(file);
        const read = decodeSafetensors(bytes, 'it');
        expect(byName(read.tensors)).toEqual(byName(file.tensors));
        expect(withoutHash(read).metadata).toEqual({ ...file.metadata });
        // What was read can be written again.
        expect(decodeSafetensors(encodeSafetensors(read), 'it')).toEqual(read);
      }),
    );
  });

  test('is read also from the middle of a buffer', () => {
    const bytes = encodeSafetensors(example);
    const around = new Uint8Array(bytes.length + 10);
    around.set(bytes, 5);
    expect(withoutHash(decodeSafetensors(around.subarray(5, 5 + bytes.length), 'it'))).toEqual({
      ...example,
      tensors: expect.arrayContaining([...example.tensors]),
    });
  });

  test('is refused wherever it is cut off, and with anything behind it', () => {
    const bytes = encodeSafetensors(example);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length), 'it')).toThrow(/^it is no whole safetensors file: /);
    }
    expect(() => decodeSafetensors(Buffer.concat([bytes, Buffer.alloc(1)]), 'it')).toThrow(
      'its tensors take 31 bytes, but there are 32 behind the header',
    );
  });

  test('is refused with any byte changed, or no longer vouches for itself', () => {
    const bytes = encodeSafetensors(example);
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (place, flip) => {
        const damaged = bytes.slice();
        damaged[place] ^= flip;
        expect(isNoticed(damaged)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('may come from elsewhere, without a hash', () => {
    const header = { a: { dtype: 'U8', shape: [2], data_offsets: [0, 2] } };
    expect(decodeSafetensors(fileWith(header, 2), 'it')).toEqual({
      tensors: [{ name: 'a', shape: [2], values: new Uint8Array(2) }],
      metadata: {},
    });
  });

  const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  test.each([
    ['{', 0, 'its header is no JSON ('],
    ['[]', 0, 'its header is no JSON object'],
    ['null', 0, 'its header is no JSON object'],
    [{ a: 1 }, 0, 'a is no object'],
    [{ __metadata__: [] }, 0, '__metadata__ is no object'],
    [{ __metadata__: { k: 1 } }, 0, 'k in __metadata__ is no text'],
    [{ __metadata__: { [hashKey]: 'abc' } }, 0, `its ${hashKey} is abc, which is no such hash`],
    [{ a: { ...entry, dtype: 'F16' } }, 8, 'a has the dtype F16; known are F32, F64, I32, U8'],
    [{ a: { ...entry, dtype: 'toString' } }, 8, 'a has the dtype toString'],
    [{ a: { ...entry, shape: [-2] } }, 8, 'the shape of a is [-2]'],
    [{ a: { ...entry, shape: [1.5] } }, 8, 'the shape of a is [1.5]'],
    [{ a: { ...entry, data_offsets: [0] } }, 8, 'the offsets of a are [0]'],
    [{ a: { ...entry, data_offsets: [8, 0] } }, 8, 'a takes 8 bytes by its shape [2], but -8 by its offsets'],
    [{ a: { ...entry, shape: [3] } }, 8, 'a takes 12 bytes by its shape [3], but 8 by its offsets'],
    [{ a: entry, b: { ...entry, data_offsets: [9, 17] } }, 17, 'the data of b begin at byte 9'],
    [{ a: entry, b: entry }, 8, 'the data of b begin at byte 0, those of the tensor before end at 8'],
    [{ a: entry }, 9, 'its tensors take 8 bytes, but there are 9 behind the header'],
  ])('is refused with the header %j', (header, dataBytes, message) => {
    expect(() => decodeSafetensors(fileWith(header, dataBytes), 'it')).toThrow(message);
  });

  test('is refused with a header longer than itself', () => {
    const bytes = fileWith('{}', 0);
    bytes[0] = 3;
    expect(() => decodeSafetensors(bytes, 'it')).toThrow('its header should have 3 bytes, but at most 2 are possible');
  });

  test('is not written with a name twice, or a shape that does not fit', () => {
    const tensor = { name: 'a', shape: [2], values: Uint8Array.of(1, 2) };
    expect(() => encodeSafetensors({ tensors: [tensor, tensor], metadata: {} })).toThrow('the name is taken');
    const reserved = { ...tensor, name: '__metadata__' };
    expect(() => encodeSafetensors({ tensors: [reserved], metadata: {} })).toThrow('the name is taken');
    expect(() => encodeSafetensors({ tensors: [{ ...tensor, shape: [3] }], metadata: {} })).toThrow(
      'a has the shape [3], but 2 values.',
    );
  });
});

/** Where `pip install safetensors numpy` has been done. */
const python = process.env['PYTHON'] ?? 'python3';
function hasReference(): boolean {
  try {
    execFileSync(python, ['-c', 'import safetensors.numpy'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.runIf(hasReference())('the reference library in Python reads and writes the same files', async () => {
  await inFolder(async (folder) => {
    const [ours, theirs] = [join(folder, 'ours.safetensors'), join(folder, 'theirs.safetensors')];
    writeFileSync(ours, encodeSafetensors(example));
    const script = `
import json, sys
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
tensors = load_file(sys.argv[1])
metadata = safe_open(sys.argv[1], 'np').metadata()
save_file(tensors, sys.argv[2], {'from': 'python'})
print(json.dumps([{ name: [str(t.dtype), list(t.shape), t.flatten().tolist()] for name, t in tensors.items() }, metadata]))
`;
    const output = execFileSync(python, ['-c', script, ours, theirs], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual([
      {
        w: ['float32', [2, 3], [1, 2, 3, 4, 5, 6]],
        odd: ['uint8', [3], [7, 8, 9]],
        count: ['int32', [], [-1]],
        none: ['float64', [0, 5], []],
      },
      headerOf(encodeSafetensors(example))['__metadata__'],
    ]);
    const read = decodeSafetensors(readFileSync(theirs), 'theirs');
    expect(read.metadata).toEqual({ from: 'python' });
    expect(byName(read.tensors)).toEqual(byName(example.tensors));
  });
});
