import type { CommitFigures } from '../buffer/commit-figures.js';
import type { WeightReader } from '../buffer/weights.js';
import { versionMask } from '../buffer/weights.js';
import { eventKind } from './schedule-format.js';
import type { ScheduleWriter } from './schedule-writer.js';

/** A reader of weights that writes down which version each action was chosen by. */
export class RecordedReader implements WeightReader {
  readonly #reader: WeightReader;
  readonly #writer: ScheduleWriter;
  readonly #policy: number;
  #last = 0;
  #acquired = 0;

  constructor(reader: WeightReader, writer: ScheduleWriter, policy: number) {
    this.#reader = reader;
    this.#writer = writer;
    this.#policy = policy;
  }

  get version(): number {
    return this.#reader.version;
  }

  get retries(): number {
    return this.#reader.retries;
  }

  acquire(): number {
    const parameters = this.#reader.acquire();
    const { version } = this.#reader;
    if (version !== this.#last) {
      this.#writer.begin(eventKind.version, this.#policy);
      this.#writer.number(this.#acquired);
      this.#writer.number((version - this.#last) & versionMask);
      this.#writer.end();
      this.#last = version;
      this.#acquired = 0;
    }
    this.#acquired++;
    return parameters;
  }

  release(): void {
    this.#reader.release();
  }

  lag(): number {
    return this.#reader.lag();
  }
}

/** Reads what a learner posts with its commits, and writes down which commit each report saw. */
export class RecordedFigures implements Pick<CommitFigures, 'read'> {
  readonly #figures: Pick<CommitFigures, 'read'>;
  readonly #writer: ScheduleWriter;
  readonly #policy: number;
  #last = 0;
  #reports = 0;

  constructor(figures: Pick<CommitFigures, 'read'>, writer: ScheduleWriter, policy: number) {
    this.#figures = figures;
    this.#writer = writer;
    this.#policy = policy;
  }

  read(row: Float64Array, column: number): void {
    this.#figures.read(row, column);
    const steps = row[column];
    if (steps !== this.#last) {
      this.#writer.begin(eventKind.figures, this.#policy);
      this.#writer.number(this.#reports);
      this.#writer.number(steps - this.#last);
      this.#writer.end();
      this.#last = steps;
      this.#reports = 0;
    }
    this.#reports++;
  }
}
