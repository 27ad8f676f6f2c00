import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { MarlinError } from '../errors.js';
import type { RecordSink, TrainingRecord } from './record.js';

/** `metrics.jsonl`: every record as one line, in order, appended to the file. */
export class JsonlSink implements RecordSink {
  readonly #path: string;
  readonly #stream: WriteStream;
  readonly #finished: Promise<void>;

  constructor(path: string) {
    this.#path = path;
    this.#stream = createWriteStream(path, { flags: 'a' });
    this.#finished = finished(this.#stream);
    // Told by close(), which also waits for what was written before.
    this.#finished.catch(() => {});
  }

  write(record: TrainingRecord): void {
    // A whole line per write: a reader, or a kill, finds no half record but the last.
    if (this.#stream.writable) this.#stream.write(`${JSON.stringify(record)}\n`);
  }

  /** @throws MarlinError `ERR_RUN_DIRECTORY` when a line could not be written */
  async close(): Promise<void> {
    this.#stream.end();
    try {
      await this.#finished;
    } catch (cause) {
      throw new MarlinError('ERR_RUN_DIRECTORY', `The records could not be written to ${this.#path}.`, { cause });
    }
  }
}
