import type { RecordSink, TrainingRecord } from './record.js';

/** Records as an async iterable: `for await (const record of system.records())`. Ends with the run. */
export class RecordStream implements RecordSink, AsyncIterableIterator<TrainingRecord> {
  readonly #waiting: TrainingRecord[] = [];
  readonly #onReturn: () => void;
  /** Readers whose next record has not come yet. */
  #sleepers: (() => void)[] = [];
  #isClosed = false;
  #failure: unknown;

  /** @param onReturn called when the reader leaves its loop early: nothing more needs to be written */
  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  write(record: TrainingRecord): void {
    if (this.#isClosed) return;
    this.#waiting.push(record);
    this.#wake();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
  }

  /** Ends the iteration with an error, after the records that came before it. */
  fail(error: unknown): void {
    this.#failure = error;
    this.#isClosed = true;
    this.#wake();
  }

  async next(): Promise<IteratorResult<TrainingRecord>> {
    while (this.#waiting.length === 0) {
      if (this.#failure !== undefined) {
        // Once, like a generator: whoever asks again has been told.
        const failure = this.#failure;
        this.#failure = undefined;
        throw failure;
      }
      if (this.#isClosed) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#sleepers.push(resolve);
      });
    }
    const record = this.#waiting.shift();
    return record === undefined ? { done: true, value: undefined } : { done: false, value: record };
  }

  async return(): Promise<IteratorResult<TrainingRecord>> {
    this.#isClosed = true;
    this.#failure = undefined;
    this.#waiting.length = 0;
    this.#wake();
    this.#onReturn();
    return { done: true, value: undefined };
  }

  #wake(): void {
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const wake of sleepers) wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
