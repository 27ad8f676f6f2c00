import { runColumns } from '../metrics/epoch-row.js';
import { takeCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { RunMonitor } from './run-monitor.js';
import type { RunShare } from './run-share.js';

/** What the checkpoints of a run need of it. */
export interface CheckpointsParts {
  readonly share: RunShare;
  readonly monitor: RunMonitor;
  /** Lines of metrics.jsonl so far. */
  readonly records: () => number;
  readonly directory: string;
  /** Called where a checkpoint could not be written; {@link Checkpoints.finish} says why. */
  readonly onFailure: () => void;
}

/** Takes the checkpoints of one run: every so many epochs, and at the next epoch's end when somebody asks. */
export class Checkpoints {
  readonly #parts: CheckpointsParts;
  /** Ends once all that were taken are written. */
  #written: Promise<void> = Promise.resolve();
  #asked: (() => void)[] = [];
  #takenAt = -1;

  constructor(parts: CheckpointsParts) {
    this.#parts = parts;
  }

  /** True where somebody waits for the next. */
  get isAsked(): boolean {
    return this.#asked.length > 0;
  }

  /** Resolves once a checkpoint of the next epoch's end has been written. */
  async ask(): Promise<void> {
    await new Promise<void>((resolve) => this.#asked.push(resolve));
    await this.#written;
  }

  /** Whether a checkpoint is to be taken at this report of the actor. */
  isDue(row: Float64Array): boolean {
    const { checkpointEvery } = this.#parts.share.plan.configuration.experiment;
    const epochs = row[runColumns.epochs];
    const isBoundary = row[runColumns.isWholeEpoch] === 1;
    return isBoundary && epochs !== this.#takenAt && (this.isAsked || epochs % checkpointEvery === 0);
  }

  /** Copies the run, which nothing may change meanwhile, and writes the copy. */
  take(row: Float64Array): void {
    const { share, monitor, records, directory, onFailure } = this.#parts;
    const { keepCheckpoints } = share.plan.configuration.output;
    const checkpoint = takeCheckpoint(share, monitor, records(), row[runColumns.turns]);
    this.#takenAt = row[runColumns.epochs];
    this.#written = this.#written.then(() => writeCheckpoint(directory, checkpoint, keepCheckpoints));
    this.#written.catch(onFailure);
    for (const resolve of this.#asked.splice(0)) resolve();
  }

  /** The run is over: nobody gets a checkpoint any more. */
  async finish(): Promise<void> {
    for (const resolve of this.#asked.splice(0)) resolve();
    await this.#written;
  }
}
