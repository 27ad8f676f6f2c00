import type { Checkpoint } from './checkpoint.js';
import { takeCheckpoint } from './checkpoint.js';
import { writeCheckpoint } from './checkpoint-files.js';
import { MarlinError } from '../errors.js';
import { runColumns } from '../metrics/epoch-row.js';
import type { RunMonitor } from './run-monitor.js';
import type { RunShare } from './run-share.js';
import { isCheckpointEpoch } from './run-share.js';

/** What the checkpoints of a run need of it. */
export interface CheckpointsParts {
  readonly share: RunShare;
  readonly monitor: RunMonitor;
  readonly directory: string;
  /** Resolves once all records of the epochs so far are in their file: a checkpoint without them could not be gone on from. */
  readonly recordsWritten: () => Promise<void>;
  /** Called where a checkpoint could not be written; {@link Checkpoints.finish} says why. */
  readonly onFailure: () => void;
}

/** Takes the checkpoints of one run: every so many epochs, when somebody asks, and at the end. */
export class Checkpoints {
  readonly #parts: CheckpointsParts;
  /** Ends once all that were taken are written; rejects with the first failure. */
  #written: Promise<void> = Promise.resolve();
  #asked: { readonly resolve: (epoch: Promise<number>) => void; readonly reject: (error: Error) => void }[] = [];
  /** Epochs of the last that was taken, and of the last that is on disk. */
  #takenAt = -1;
  #writtenAt: number | undefined;
  #writing = 0;

  constructor(parts: CheckpointsParts) {
    this.#parts = parts;
  }

  /** True while one that was taken is not written yet. */
  get isWriting(): boolean {
    return this.#writing > 0;
  }

  /** True where somebody waits for the next. */
  get isAsked(): boolean {
    return this.#asked.length > 0;
  }

  /**
   * Resolves once what was taken is written, well or not. Before the next one is taken: otherwise they would come faster than
   * the disk, and a copy of the run would wait in memory for each.
   */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#written]);
  }

  /** What a user is told of them when the run fails. */
  async advice(): Promise<string> {
    const { directory } = this.#parts;
    await this.settled();
    if (this.#writtenAt === undefined) return ' There is no checkpoint.';
    return ` The last checkpoint is that of epoch ${this.#writtenAt}: marlin train --resume ${directory}`;
  }

  /**
   * Resolves with its epoch once a checkpoint of the next epoch's end has been written.
   * @throws MarlinError `ERR_CHECKPOINT` where it could not be, or the run ended inside an epoch before
   */
  async ask(): Promise<number> {
    return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
  }

  /** Whether one is to be taken at this report of the actor. */
  isDue(row: Float64Array): boolean {
    const epochs = row[runColumns.epochs];
    if (row[runColumns.isWholeEpoch] !== 1 || epochs === this.#takenAt) return false;
    const { share, monitor } = this.#parts;
    const isAtGoal = monitor.window.reaches(share.plan.configuration.experiment.stopAtReward);
    return this.isAsked || isCheckpointEpoch(share.plan, epochs, isAtGoal);
  }

  /** Copies the run, which nothing may change meanwhile, and writes the copy. */
  take(): void {
    this.#take(false);
  }

  #take(isInside: boolean): void {
    const { share, monitor, onFailure } = this.#parts;
    const checkpoint = takeCheckpoint(share, monitor, isInside);
    const { epoch } = checkpoint.manifest;
    this.#takenAt = epoch;
    this.#written = this.#write(checkpoint, this.#written);
    this.#written.catch(onFailure);
    for (const { resolve } of this.#asked.splice(0)) resolve(this.#written.then(() => epoch));
  }

  /**
   * The run is over and everything it started has ended: takes a last checkpoint where it ended inside an epoch. Resolves
   * once all are written.
   */
  async finish(): Promise<void> {
    const { monitor } = this.#parts;
    const ended = new MarlinError(
      'ERR_CHECKPOINT',
      'The run ended before the end of an epoch, where checkpoints are taken.',
    );
    // First: whoever asked waits for one of an epoch's end, which that inside an epoch is not.
    for (const { reject } of this.#asked.splice(0)) reject(ended);
    const isInside = monitor.lastRow[runColumns.turns] > monitor.turnsOfEpochs;
    if (isInside || monitor.epochs !== this.#takenAt) this.#take(true);
    await this.#written;
  }

  /** The run has failed: waits for what is being written. */
  async abandon(failure: Error): Promise<void> {
    for (const { reject } of this.#asked.splice(0)) reject(failure);
    await this.settled();
  }

  async #write(checkpoint: Checkpoint, before: Promise<void>): Promise<void> {
    const { share, directory, recordsWritten } = this.#parts;
    this.#writing++;
    try {
      await before;
      await recordsWritten();
      await writeCheckpoint(directory, checkpoint, share.plan.configuration.output.keepCheckpoints);
      this.#writtenAt = checkpoint.manifest.epoch;
    } finally {
      this.#writing--;
    }
  }
}
