import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { KernelMemory } from './kernel-memory.js';
import { uniformStream } from './reference.js';

// One page more than the static data: sources are put at its very end, where a read too far would trap.
const memory = new KernelMemory(3 * 64 * 1024);
const { kernels, buffer } = memory;
const canary = 0xa5;

const cases = fc.record({
  size: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 60, max: 200 })),
  slots: fc.integer({ min: 1, max: 12 }),
  positions: fc.array(fc.integer({ min: -3, max: 11 }), { minLength: 1, maxLength: 20 }),
  seed: fc.integer(),
});

interface Rows {
  readonly source: number;
  readonly positions: number;
  readonly destination: number;
  readonly picked: readonly number[];
  readonly bytes: Uint8Array;
}

/** Slots of random bytes at the end of memory, positions among them, and a destination between canaries. */
function layOut(slotBytes: number, slots: number, wanted: readonly number[], resultBytes: number, seed: number): Rows {
  const uniform = uniformStream(seed);
  const bytes = Uint8Array.from({ length: slots * slotBytes }, () => Math.floor(uniform() * 256));
  const source = buffer.byteLength - bytes.length;
  new Uint8Array(buffer, source).set(bytes);
  const picked = wanted.map((position) => (position < 0 ? -1 : position % slots));
  memory.reset();
  const positions = memory.i32(picked);
  const destination = memory.room(resultBytes + 16);
  new Uint8Array(buffer, destination, resultBytes + 16).fill(canary);
  return { source, positions, destination, picked, bytes };
}

function expectCanaries(offset: number): void {
  expect([...memory.bytes(offset, 16)]).toEqual(Array.from({ length: 16 }, () => canary));
}

it('gathers rows of bytes, zeros for negative positions, and nothing beside', () => {
  fc.assert(
    fc.property(cases, ({ size, slots, positions: wanted, seed }) => {
      const resultBytes = wanted.length * size;
      const { source, positions, destination, picked, bytes } = layOut(size, slots, wanted, resultBytes, seed);
      kernels.gatherRows(destination, source, size, positions, picked.length);
      const expected = picked.flatMap((slot) =>
        Array.from({ length: size }, (_, index) => (slot < 0 ? 0 : (bytes[slot * size + index] ?? 0))),
      );
      expect([...memory.bytes(destination, resultBytes)]).toEqual(expected);
      expectCanaries(destination + resultBytes);
    }),
    { numRuns: 300 },
  );
});

it('widens bytes to scaled floats', () => {
  fc.assert(
    fc.property(cases, ({ size, slots, positions: wanted, seed }) => {
      const count = wanted.length * size;
      const { source, positions, destination, picked, bytes } = layOut(size, slots, wanted, count * 4, seed);
      const scale = Math.fround(1 / 255);
      kernels.gatherRowsU8ToF32(destination, source, size, positions, picked.length, scale);
      const expected = picked.flatMap((slot) =>
        Array.from({ length: size }, (_, index) =>
          slot < 0 ? 0 : Math.fround((bytes[slot * size + index] ?? 0) * scale),
        ),
      );
      expect([...memory.floats(destination, count)]).toEqual(expected);
      expectCanaries(destination + count * 4);
    }),
    { numRuns: 300 },
  );
});

it.each([1, 0.5])('gathers floats times %f', (scale) => {
  fc.assert(
    fc.property(cases, ({ size, slots, positions: wanted, seed }) => {
      const count = wanted.length * size;
      const { source, positions, destination, picked } = layOut(size * 4, slots, wanted, count * 4, seed);
      const values = new Float32Array(buffer, source, slots * size);
      values.forEach((_, index) => {
        values[index] = index - 0.25;
      });
      kernels.gatherRowsF32(destination, source, size, positions, picked.length, scale);
      const expected = picked.flatMap((slot) =>
        Array.from({ length: size }, (_, index) => (slot < 0 ? 0 : (values[slot * size + index] ?? 0) * scale)),
      );
      expect([...memory.floats(destination, count)]).toEqual(expected);
      expectCanaries(destination + count * 4);
    }),
  );
});

it('pushes a frame onto a stack, dropping the oldest', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      (frames, size, bytes) => {
        memory.reset();
        const stack = memory.f32([...Array.from({ length: frames * size }, (_, index) => index), 12345]);
        const newest = Array.from({ length: size }, (_, index) => index + 100);
        if (bytes) kernels.pushFrameU8(stack, memory.u8(newest, 1), frames, size, 0.5);
        else kernels.pushFrameF32(stack, memory.f32(newest, 1), frames, size, 0.5);
        const kept = Array.from({ length: (frames - 1) * size }, (_, index) => index + size);
        const expected = [...kept, ...newest.map((value) => value / 2), 12345];
        expect([...memory.floats(stack, expected.length)]).toEqual(expected);
      },
    ),
  );
});
