import type { Layout } from './layout.js';
import { sectionAlignment } from './layout.js';
import type { RecordQueuePlan } from './record-queue.js';
import { planRecordQueue, RecordQueue } from './record-queue.js';

/** Where such a queue lies in run memory: byte offsets, plain data. */
export interface LossyQueuePlan {
  readonly queue: RecordQueuePlan;
  readonly control: number;
}

export function planLossyQueue(layout: Layout, width: number, capacity: number): LossyQueuePlan {
  return { queue: planRecordQueue(layout, width, capacity), control: layout.reserve(sectionAlignment) };
}

const droppedWord = 0;
const closedWord = 1;

/**
 * A queue of number records whose producer never waits: what finds no room is dropped and counted. All of it is in shared
 * memory, so that whoever takes the place of a producer that died goes on with queue and count.
 *
 * ```
 *   control word 0  dropped   records dropped, written by the producer
 *           word 1  closed    1 once the consumer wants no more
 * ```
 */
export class LossyQueue {
  readonly #queue: RecordQueue;
  readonly #control: Int32Array;
  readonly #halfFull: number;

  constructor(buffer: SharedArrayBuffer, plan: LossyQueuePlan) {
    this.#queue = new RecordQueue(buffer, plan.queue);
    this.#control = new Int32Array(buffer, plan.control, 2);
    this.#halfFull = plan.queue.capacity >> 1;
  }

  /** True where it should be emptied before it is full. */
  get isHalfFull(): boolean {
    return this.#queue.length >= this.#halfFull;
  }

  get dropped(): number {
    return Atomics.load(this.#control, droppedWord);
  }

  /** Producer: appends a record, if there is room. */
  push(record: Float64Array): void {
    if (Atomics.load(this.#control, closedWord) === 1) return;
    if (!this.#queue.push(record)) Atomics.add(this.#control, droppedWord, 1);
  }

  /** Consumer: copies the oldest record to `record` and removes it; false when there is none. */
  take(record: Float64Array): boolean {
    if (!this.#queue.peek(record)) return false;
    this.#queue.drop();
    return true;
  }

  /** Consumer: nothing more is wanted. What is pushed from now on is neither kept nor counted. */
  close(): void {
    Atomics.store(this.#control, closedWord, 1);
  }
}
