import { once } from 'node:events';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteQueue, planByteQueue } from '#marlin/buffer/byte-queue.js';
import type { ByteQueuePlan } from '#marlin/buffer/byte-queue.js';
import { Layout } from '#marlin/buffer/layout.js';
import { Crew } from './crew.js';
import { Disturbance } from './disturbance.js';

function memoryOf(capacity: number): { buffer: SharedArrayBuffer; plan: ByteQueuePlan } {
  const layout = new Layout();
  const plan = planByteQueue(layout, capacity);
  const buffer = new SharedArrayBuffer(Math.ceil(layout.end / 4) * 4);
  // Head and tail start near the wrap of their words.
  const start = -20;
  new Int32Array(buffer, plan.control)[0] = start;
  new Int32Array(buffer, plan.control)[32] = start;
  return { buffer, plan };
}

describe('a byte queue', () => {
  test('gives what was published, in order, and nothing else', () => {
    const step = fc.oneof(fc.constant('publish'), fc.constant('take'), fc.nat(255));
    const property = fc.property(fc.constantFrom(1, 2, 8), fc.array(step, { maxLength: 60 }), (capacity, steps) => {
      const { buffer, plan } = memoryOf(capacity);
      const [producer, consumer] = [new ByteQueue(buffer, plan), new ByteQueue(buffer, plan)];
      let put: number[] = [];
      let published: number[] = [];
      for (const next of steps) {
        if (producer.room !== capacity - put.length - published.length) return false;
        if (consumer.length !== published.length) return false;
        if (next === 'publish') {
          producer.publish();
          published = published.concat(put);
          put = [];
        } else if (next === 'take') {
          if ([...(consumer.take() ?? [])].join() !== published.join()) return false;
          published = [];
        } else if (producer.room > 0) {
          producer.put(next as number);
          put.push(next as number);
        }
      }
      return true;
    });
    expect(fc.check(property).counterexample).toBeNull();
  });

  test('goes on behind a producer that died, without what it had not published', () => {
    const { buffer, plan } = memoryOf(8);
    const first = new ByteQueue(buffer, plan);
    first.put(1);
    first.publish();
    first.put(2);
    const second = new ByteQueue(buffer, plan);
    second.put(3);
    second.publish();
    expect([...(second.take() ?? [])]).toEqual([1, 3]);
  });

  test('loses nothing between two threads', async () => {
    const bytes = 2_000_000;
    const { buffer, plan } = memoryOf(1024);
    const full = new Int32Array(new SharedArrayBuffer(4));
    const crew = new Crew();
    const worker = crew.start('byte-queue-worker.js', { buffer, plan, bytes, full });
    await crew.whileNoneFails(once(worker, 'online'));
    const queue = new ByteQueue(buffer, plan);
    const disturbance = new Disturbance(2, 10, 3000);
    let taken = 0;
    let wrong = 0;
    while (taken < bytes) {
      disturbance.perhapsPause();
      for (const byte of queue.take() ?? []) if (byte !== (taken++ * 7) % 251) wrong++;
    }
    await crew.whileNoneFails(once(worker, 'exit'));
    expect(wrong).toBe(0);
    expect(queue.length).toBe(0);
    expect(full[0]).toBeGreaterThan(10);
  });
});
