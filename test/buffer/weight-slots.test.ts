import { describe, expect, test } from 'vitest';
import type { BlockMover } from '#marlin/buffer/block-mover.js';
import { Layout } from '#marlin/buffer/layout.js';
import type { WeightMode, WeightPublisher, WeightReader } from '#marlin/buffer/weights.js';
import { planWeights, readerScratchBytes } from '#marlin/buffer/weights.js';
import { createPublisher, createReader, initializeWeights, newestVersion } from '#marlin/buffer/weight-slots.js';
import { PlainMover } from './plain-mover.js';

const words = 64;

/** A mover that stops half-way, as its thread may. */
class HalfMover extends PlainMover {
  override copyBytes(destination: number, source: number, bytes: number): void {
    super.copyBytes(destination, source, bytes / 2);
    throw new Error('The learner died.');
  }
}

function weightsRig(mode: WeightMode, readers: number) {
  const bytes = words * 4;
  const layout = new Layout();
  const plan = planWeights(layout, mode, bytes);
  const source = layout.reserve(bytes);
  const scratch = Array.from({ length: readers }, () => layout.reserve(readerScratchBytes(mode, bytes)));
  const buffer = new SharedArrayBuffer(layout.end);
  const memory = new Int32Array(buffer);
  const pinWords = new Int32Array(new SharedArrayBuffer(readers * 4));
  const pins = Array.from({ length: readers }, (_, index) => ({ words: pinWords, index }));
  initializeWeights(buffer, plan);
  const publisherWith = (mover: BlockMover) => createPublisher(buffer, plan, pins, mover);
  return {
    publisherWith,
    publisher: publisherWith(new PlainMover(buffer)),
    readers: pins.map((pin, index) => createReader(buffer, plan, pin, new PlainMover(buffer), scratch[index])),
    pinWords,
    dyingMover: new HalfMover(buffer),
    newest: () => newestVersion(buffer, plan),
    setNewest(version: number) {
      memory[plan.control / 4] = mode === 'double-buffer' ? version : 2 * (version + 1);
    },
    publish(publisher: WeightPublisher, value: number): boolean {
      memory.fill(value, source / 4, source / 4 + words);
      return publisher.tryPublish(source);
    },
    /** The one value that stands in all weights; NaN if they differ. */
    acquired(reader: WeightReader): number {
      const block = memory.subarray(reader.acquire() / 4).subarray(0, words);
      return block.every((value) => value === block[0]) ? block[0] : Number.NaN;
    },
  };
}

describe.each(['double-buffer', 'snapshot'] as const)('weights, %s', (mode) => {
  test('are read as they were last published', () => {
    const { publisher, readers, publish, acquired, newest } = weightsRig(mode, 2);
    expect(publisher.version).toBe(-1);
    expect(newest()).toBe(-1);
    for (let version = 0; version < 5; version++) {
      expect(publish(publisher, 100 + version)).toBe(true);
      expect(publisher.version).toBe(version);
      expect(newest()).toBe(version);
      for (const reader of readers) {
        expect(acquired(reader)).toBe(100 + version);
        expect(reader.version).toBe(version);
        reader.release();
      }
    }
    expect(readers.map((reader) => reader.retries)).toEqual([0, 0]);
  });

  test('tell how many versions there have been since, also when versions count from 0 again', () => {
    const { publisher, readers, publish, acquired, newest, setNewest } = weightsRig(mode, 1);
    const [reader] = readers;
    publish(publisher, 100);
    setNewest(2 ** 31 - 3);
    acquired(reader);
    reader.release();
    expect(reader.version).toBe(2 ** 31 - 3);
    for (let lag = 1; lag < 6; lag++) {
      expect(publish(publisher, 100 + lag)).toBe(true);
      expect(reader.lag()).toBe(lag);
    }
    expect(acquired(reader)).toBe(105);
    expect(reader.version).toBe(newest());
    expect(newest()).toBe(2);
    expect(reader.lag()).toBe(0);
  });

  test('stay as they are from acquire to release', () => {
    const { publisher, readers, publish, acquired } = weightsRig(mode, 1);
    const [reader] = readers;
    publish(publisher, 100);
    const offset = reader.acquire();
    for (let value = 101; value < 105; value++) publish(publisher, value);
    expect(reader.version).toBe(0);
    reader.release();
    expect(acquired(reader)).toBe(100 + publisher.version);
    expect(offset).toBeGreaterThan(0);
  });

  test('survive a learner that dies in the middle of a publication', () => {
    const { publisher, publisherWith, dyingMover, readers, publish, acquired, newest } = weightsRig(mode, 1);
    const [reader] = readers;
    publish(publisher, 100);
    expect(acquired(reader)).toBe(100);
    reader.release();
    expect(() => publish(publisherWith(dyingMover), 101)).toThrow('died');
    // The actor goes on with what it has.
    expect(newest()).toBe(0);
    expect(acquired(reader)).toBe(100);
    expect(reader.version).toBe(0);
    reader.release();
    expect(publish(publisher, 102)).toBe(true);
    expect(acquired(reader)).toBe(102);
    expect(reader.version).toBe(1);
  });
});

describe('a double buffer', () => {
  test('puts a publication off while an actor computes with the slot', () => {
    const { publisher, readers, publish, acquired } = weightsRig('double-buffer', 2);
    publish(publisher, 100);
    expect(acquired(readers[0])).toBe(100);
    // The other slot is free; then version 2 would overwrite version 0.
    expect(publish(publisher, 101)).toBe(true);
    expect(acquired(readers[1])).toBe(101);
    expect(publish(publisher, 102)).toBe(false);
    expect(publisher.version).toBe(1);
    readers[0].release();
    expect(publish(publisher, 102)).toBe(true);
    expect(publish(publisher, 103)).toBe(false);
    readers[1].release();
    expect(publish(publisher, 103)).toBe(true);
  });

  test('goes on once the pin of a dead actor was cleared', () => {
    const { publisher, readers, publish, pinWords, acquired } = weightsRig('double-buffer', 2);
    publish(publisher, 100);
    readers[0].acquire();
    publish(publisher, 101);
    expect(publish(publisher, 102)).toBe(false);
    pinWords[0] = 0;
    expect(publish(publisher, 102)).toBe(true);
    expect(acquired(readers[1])).toBe(102);
  });
});

describe('a snapshot', () => {
  test('counts what it could not copy, and keeps the copy it has', () => {
    const { publisher, publisherWith, dyingMover, readers, publish, acquired } = weightsRig('snapshot', 1);
    const [reader] = readers;
    publish(publisher, 100);
    expect(acquired(reader)).toBe(100);
    expect(() => publish(publisherWith(dyingMover), 101)).toThrow('died');
    expect(acquired(reader)).toBe(100);
    expect(reader.retries).toBe(3);
  });

  test('is not copied again while its version stands', () => {
    const { publisher, readers, publish } = weightsRig('snapshot', 1);
    const [reader] = readers;
    publish(publisher, 100);
    const offset = reader.acquire();
    expect(reader.acquire()).toBe(offset);
    publish(publisher, 101);
    expect(reader.acquire()).not.toBe(offset);
  });
});
