import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { MarlinError } from '../errors.js';
import type { RecordSink, TrainingRecord } from './record.js';

/** `metrics.jsonl`: every record as one line, in order, appended to the file. */
export class JsonlSink implements RecordSink {
  readonly #stream: WriteStream;
  readonly #finished: Promise<void>;

  #failure: MarlinError | undefined;

  /** @param onFailure called once when the file cannot be written: there is no sense in going on */
  constructor(path: string, onFailure: () => void = () => {}) {
    this.#stream = createWriteStream(path, { flags: 'a' });
    this.#finished = finished(this.#stream);
    this.#finished.catch((cause: unknown) => {
      this.#failure = new MarlinError('ERR_RUN_DIRECTORY', `The records could not be written to ${path}.`, { cause });
      onFailure();
    });
  }

  write(record: TrainingRecord): void {
    // A whole line per write: a reader, or a kill, finds no half record but the last.
    if (this.#stream.writable) this.#stream.write(`${JSON.stringify(record)}\n`);
  }

  /** @throws MarlinError `ERR_RUN_DIRECTORY` when a line could not be written */
  async flush(): Promise<void> {
    const hasFailed = await new Promise<boolean>((resolve) => {
      // Called once all before it is with the system, or the stream has failed.
      this.#stream.write('', (error) => resolve(error !== null && error !== undefined));
    });
    if (hasFailed) await Promise.allSettled([this.#finished]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** @throws MarlinError `ERR_RUN_DIRECTORY` when a line could not be written */
  async close(): Promise<void> {
    this.#stream.end();
    await Promise.allSettled([this.#finished]);
    if (this.#failure !== undefined) throw this.#failure;
  }
}
