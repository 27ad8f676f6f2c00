import { once } from 'node:events';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { periodOf } from '#marlin/buffer/position.js';
import type { RecordQueuePlan } from '#marlin/buffer/record-queue.js';
import { planRecordQueue, RecordQueue } from '#marlin/buffer/record-queue.js';
import { Crew } from './crew.js';
import { Disturbance } from './disturbance.js';

function memoryOf(width: number, capacity: number): { buffer: SharedArrayBuffer; plan: RecordQueuePlan } {
  const layout = new Layout();
  const plan = planRecordQueue(layout, width, capacity);
  const buffer = new SharedArrayBuffer(layout.end);
  // Head and tail start near the wrap.
  const start = periodOf(capacity) - 20;
  new Int32Array(buffer, plan.control)[0] = start;
  new Int32Array(buffer, plan.control)[32] = start;
  return { buffer, plan };
}

function take(queue: RecordQueue, record: Float64Array): boolean {
  const isThere = queue.peek(record);
  if (isThere) queue.drop();
  return isThere;
}

describe('a record queue', () => {
  test('behaves like an array that refuses to grow beyond its capacity', () => {
    const shapes = { capacity: fc.integer({ min: 1, max: 9 }), width: fc.integer({ min: 1, max: 4 }) };
    fc.assert(
      fc.property(fc.record(shapes), fc.array(fc.boolean()), ({ capacity, width }, pushes) => {
        const { buffer, plan } = memoryOf(width, capacity);
        const queue = new RecordQueue(buffer, plan);
        const model: number[][] = [];
        const taken = new Float64Array(width);
        let expected = Array.from(taken);
        for (const [step, push] of pushes.entries()) {
          const record = Array.from({ length: width }, (_, value) => step + value / 8);
          const succeeds = push ? model.length < capacity : model.length > 0;
          // What was taken before stays where there is nothing to take.
          if (!push) expected = model.shift() ?? expected;
          else if (succeeds) model.push(record);
          expect(push ? queue.push(Float64Array.from(record)) : take(queue, taken)).toBe(succeeds);
          expect(Array.from(taken)).toEqual(expected);
          expect(queue.length).toBe(model.length);
          expect(queue.isFull).toBe(model.length === capacity);
        }
      }),
    );
  });

  test('loses nothing between two threads, and keeps the order', async () => {
    const records = 200_000;
    const { buffer, plan } = memoryOf(5, 61);
    const refusals = new Int32Array(new SharedArrayBuffer(4));
    const workerData = { buffer, plan, records, refusals };
    const crew = new Crew();
    const worker = crew.start('record-queue-worker.js', workerData);
    await crew.whileNoneFails(once(worker, 'online'));
    const queue = new RecordQueue(buffer, plan);
    const disturbance = new Disturbance(2, 100, 3000);
    const record = new Float64Array(5);
    let wrong = 0;
    let empty = 0;
    for (let number = 0; number < records;) {
      disturbance.perhapsPause();
      if (take(queue, record)) {
        if (record.some((value) => value !== number)) wrong++;
        number++;
      } else {
        empty++;
        disturbance.pause();
      }
    }
    await crew.whileNoneFails(once(worker, 'exit'));
    expect(wrong).toBe(0);
    expect(queue.length).toBe(0);
    expect(empty).toBeGreaterThan(100);
    expect(refusals[0]).toBeGreaterThan(100);
  });
});
