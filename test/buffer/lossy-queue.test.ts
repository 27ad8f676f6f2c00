import { describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { LossyQueue, planLossyQueue } from '#marlin/buffer/lossy-queue.js';

/** Both ends of a queue of single numbers, and a producer that takes the place of the first. */
function makeQueue(capacity: number): { producer: LossyQueue; successor: LossyQueue; consumer: LossyQueue } {
  const layout = new Layout();
  const plan = planLossyQueue(layout, 1, capacity);
  const buffer = new SharedArrayBuffer(layout.end);
  const [producer, successor, consumer] = [0, 1, 2].map(() => new LossyQueue(buffer, plan));
  return { producer, successor, consumer };
}

function takeAll(queue: LossyQueue): number[] {
  const taken: number[] = [];
  const record = new Float64Array(1);
  while (queue.take(record)) taken.push(record[0]);
  return taken;
}

describe('a lossy queue', () => {
  it('drops what finds no room, counts it, and goes on once there is room', () => {
    const { producer, consumer } = makeQueue(3);
    for (let value = 0; value < 5; value++) producer.push(Float64Array.of(value));
    expect(consumer.dropped).toBe(2);
    expect(takeAll(consumer)).toEqual([0, 1, 2]);
    producer.push(Float64Array.of(7));
    expect(takeAll(consumer)).toEqual([7]);
    expect(consumer.dropped).toBe(2);
  });

  it('keeps records and count when another producer takes over', () => {
    const { producer, successor, consumer } = makeQueue(2);
    for (let value = 0; value < 3; value++) producer.push(Float64Array.of(value));
    successor.push(Float64Array.of(3));
    expect(consumer.dropped).toBe(2);
    expect(takeAll(consumer)).toEqual([0, 1]);
    successor.push(Float64Array.of(4));
    expect(takeAll(consumer)).toEqual([4]);
  });

  it('says when it is half full', () => {
    const { producer, consumer } = makeQueue(4);
    producer.push(Float64Array.of(0));
    expect(consumer.isHalfFull).toBe(false);
    producer.push(Float64Array.of(1));
    expect(consumer.isHalfFull).toBe(true);
  });

  it('takes and counts nothing once it is closed', () => {
    const { producer, consumer } = makeQueue(1);
    producer.push(Float64Array.of(0));
    consumer.close();
    for (let value = 1; value < 4; value++) producer.push(Float64Array.of(value));
    expect(takeAll(consumer)).toEqual([0]);
    expect(consumer.dropped).toBe(0);
  });
});
