import type { ByteQueue } from '../buffer/byte-queue.js';
import type { EventKind } from './schedule-format.js';

type EventQueue = Pick<ByteQueue, 'room' | 'length' | 'put' | 'publish'>;

/** What a writer needs of its surroundings where its queue fills up. */
export interface ScheduleRelief {
  /** Asks the main thread to take what is there. */
  call(): void;
  /** Sleeps until `hasRoom`; false where the run is given up, so that nothing need be written any more. */
  waitUntil(hasRoom: () => boolean): boolean;
}

/** The bytes of one event. */
export function encodeEvent(kind: EventKind, policy: number, numbers: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  const queue = { room: Infinity, length: 0, put: (byte: number) => void bytes.push(byte), publish: () => {} };
  const writer = new ScheduleWriter(queue, { call: () => {}, waitUntil: () => true });
  writer.begin(kind, policy);
  for (const number of numbers) writer.number(number);
  return Uint8Array.from(bytes);
}

/** Writes the events of one thread to its queue. Allocates nothing; waits where the main thread is behind. */
export class ScheduleWriter {
  readonly #queue: EventQueue;
  readonly #relief: ScheduleRelief;
  readonly #callAt: number;
  #isGivenUp = false;

  constructor(queue: EventQueue, relief: ScheduleRelief) {
    this.#queue = queue;
    this.#relief = relief;
    this.#callAt = queue.room >> 1;
  }

  begin(kind: EventKind, policy: number): void {
    this.number(policy * 8 + kind);
  }

  /** @param value a whole number, not negative, at most 2⁵³ */
  number(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#put(128 + (rest % 128));
      rest = Math.floor(rest / 128);
    }
    this.#put(rest);
  }

  end(): void {
    this.#queue.publish();
    if (this.#queue.length >= this.#callAt) this.#relief.call();
  }

  #put(byte: number): void {
    if (this.#queue.room === 0) this.#waitForRoom();
    if (!this.#isGivenUp) this.#queue.put(byte);
  }

  #waitForRoom(): void {
    if (this.#isGivenUp) return;
    // What is taken of an event before its end is completed by what follows: the file is one stream.
    this.#queue.publish();
    this.#relief.call();
    this.#isGivenUp = !this.#relief.waitUntil(this.#hasRoom);
  }

  readonly #hasRoom = (): boolean => this.#queue.room > 0;
}
