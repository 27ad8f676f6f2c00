import type { Layout } from './layout.js';
import { sectionAlignment } from './layout.js';
import { advance, distance, periodOf } from './position.js';

/** Where a queue of records lies in run memory: byte offsets, plain data. */
export interface RecordQueuePlan {
  /** f64 values per record. */
  readonly width: number;
  /** Records the queue holds. */
  readonly capacity: number;
  readonly control: number;
  readonly values: number;
}

export function planRecordQueue(layout: Layout, width: number, capacity: number): RecordQueuePlan {
  return {
    width,
    capacity,
    control: layout.reserve(2 * sectionAlignment),
    values: layout.reserve(width * capacity * 8),
  };
}

const tailWord = sectionAlignment / 4;

/**
 * A bounded queue of number records from one thread to another that loses nothing: a full queue refuses, and the
 * producer decides whether to wait. `head` is written by the producer only, `tail` by the consumer only.
 */
export class RecordQueue {
  readonly #plan: RecordQueuePlan;
  readonly #period: number;
  readonly #control: Int32Array;
  readonly #values: Float64Array;

  constructor(buffer: SharedArrayBuffer, plan: RecordQueuePlan) {
    this.#plan = plan;
    this.#period = periodOf(plan.capacity);
    this.#control = new Int32Array(buffer, plan.control, 2 * tailWord);
    this.#values = new Float64Array(buffer, plan.values, plan.width * plan.capacity);
  }

  get isFull(): boolean {
    return this.length >= this.#plan.capacity;
  }

  get length(): number {
    const tail = Atomics.load(this.#control, tailWord);
    return distance(tail, Atomics.load(this.#control, 0), this.#period);
  }

  /** Producer: appends a record; false when the queue is full. */
  push(record: Float64Array): boolean {
    if (this.isFull) return false;
    const head = Atomics.load(this.#control, 0);
    this.#values.set(record, (head % this.#plan.capacity) * this.#plan.width);
    // Releases the values.
    Atomics.store(this.#control, 0, advance(head, 1, this.#period));
    return true;
  }

  /** Consumer: copies the oldest record to `record`; false when there is none. It stays until it is dropped. */
  peek(record: Float64Array): boolean {
    if (this.length === 0) return false;
    const tail = Atomics.load(this.#control, tailWord);
    const first = (tail % this.#plan.capacity) * this.#plan.width;
    for (let index = 0; index < this.#plan.width; index++) record[index] = this.#values[first + index];
    return true;
  }

  /** Consumer: is done with the oldest record; the producer sees that. */
  drop(): void {
    const tail = Atomics.load(this.#control, tailWord);
    // A read-modify-write: the loads of peek() must not sink below it, for the producer may now write this place.
    Atomics.exchange(this.#control, tailWord, advance(tail, 1, this.#period));
  }
}
