import type { Layout } from './layout.js';
import { sectionAlignment } from './layout.js';

/** Where a queue of bytes lies in run memory: byte offsets, plain data. */
export interface ByteQueuePlan {
  /** Bytes the queue holds: a power of two. */
  readonly capacity: number;
  readonly control: number;
  readonly bytes: number;
}

/** @param capacity a power of two, at most 2³⁰ */
export function planByteQueue(layout: Layout, capacity: number): ByteQueuePlan {
  return { capacity, control: layout.reserve(2 * sectionAlignment), bytes: layout.reserve(capacity) };
}

const tailWord = sectionAlignment / 4;

/**
 * A bounded stream of bytes from one thread to another that loses nothing. `head` is written by the producer only, `tail`
 * by the consumer only; both count bytes modulo 2³². What a producer has put but not published when it dies is no part
 * of the stream: whoever takes its place goes on at `head`.
 */
export class ByteQueue {
  readonly #capacity: number;
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  /** Producer: where the next byte goes. */
  #position: number;

  constructor(buffer: SharedArrayBuffer, plan: ByteQueuePlan) {
    this.#capacity = plan.capacity;
    this.#control = new Int32Array(buffer, plan.control, 2 * tailWord);
    this.#bytes = new Uint8Array(buffer, plan.bytes, plan.capacity);
    this.#position = Atomics.load(this.#control, 0);
  }

  /** Bytes published and not taken. */
  get length(): number {
    const tail = Atomics.load(this.#control, tailWord);
    return (Atomics.load(this.#control, 0) - tail) | 0;
  }

  /** Producer: bytes that can still be put. */
  get room(): number {
    return this.#capacity - ((this.#position - Atomics.load(this.#control, tailWord)) | 0);
  }

  /** Producer: puts a byte behind those put before. Call only where there is room. */
  put(byte: number): void {
    this.#bytes[this.#position & (this.#capacity - 1)] = byte;
    this.#position = (this.#position + 1) | 0;
  }

  /** Producer: makes what was put part of the stream. */
  publish(): void {
    // Releases the bytes.
    Atomics.store(this.#control, 0, this.#position);
  }

  /** Consumer: takes all that has been published; undefined where that is nothing. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const { length } = this;
    if (length === 0) return undefined;
    const tail = Atomics.load(this.#control, tailWord);
    const first = tail & (this.#capacity - 1);
    const taken = new Uint8Array(length);
    const untilEnd = Math.min(length, this.#capacity - first);
    taken.set(this.#bytes.subarray(first, first + untilEnd));
    taken.set(this.#bytes.subarray(0, length - untilEnd), untilEnd);
    // A read-modify-write: the loads above must not sink below it, for the producer may now write these places.
    Atomics.exchange(this.#control, tailWord, (tail + length) | 0);
    return taken;
  }
}
