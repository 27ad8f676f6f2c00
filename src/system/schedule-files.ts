import type { WriteStream } from 'node:fs';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { ByteQueue } from '../buffer/byte-queue.js';
import type { Doorbell } from '../buffer/doorbell.js';
import { MarlinError } from '../errors.js';
import { scheduleMagic } from '../schedule/schedule-format.js';
import { runFiles } from './run-files.js';
import { actorControls, learnerControls } from './run-memory.js';
import type { SchedulesPlan } from './run-plan.js';
import type { RunShare } from './run-share.js';

/** File of a thread's schedule in a run directory. */
export function scheduleFile(directory: string, thread: string): string {
  return join(directory, runFiles.schedule, `${thread}.bin`);
}

interface Outlet {
  readonly queue: ByteQueue;
  readonly callAt: number;
  /** Whoever fills the queue may be waiting for room. */
  readonly producer: Doorbell;
  readonly stream: WriteStream;
  /** Settles once everything is written. */
  readonly written: Promise<void>;
}

/** The main thread's end of a recorded schedule: one file per thread. */
export class ScheduleFiles {
  readonly #directory: string;
  readonly #outlets: readonly Outlet[];
  #failure: Error | undefined;

  private constructor(share: RunShare, plans: SchedulesPlan, directory: string, onFailure: () => void) {
    this.#directory = directory;
    const open = (name: string, index: number, plan: SchedulesPlan['actors'][number], producer: Doorbell): Outlet => {
      const stream = createWriteStream(scheduleFile(directory, `${name}-${index}`));
      stream.write(scheduleMagic);
      const written = finished(stream);
      written.catch((error: Error) => {
        this.#failure ??= error;
        onFailure();
      });
      return { queue: new ByteQueue(share.runMemory, plan), callAt: plan.capacity >> 1, producer, stream, written };
    };
    const [actors, learners] = [actorControls(share), learnerControls(share)];
    this.#outlets = [
      ...plans.actors.map((plan, index) => open('actor', index, plan, actors[index].doorbell)),
      ...plans.learners.map((plan, index) => open('learner', index, plan, learners[index].doorbell)),
    ];
  }

  /**
   * @param onFailure called where something can no longer be written; {@link close} says what
   * @returns undefined where the run is not recorded
   */
  static async open(share: RunShare, onFailure: () => void): Promise<ScheduleFiles | undefined> {
    const { configuration, memory } = share.plan;
    const { directory } = configuration.output;
    if (memory.schedules === undefined || directory === undefined) return undefined;
    await mkdir(join(directory, runFiles.schedule), { recursive: true });
    return new ScheduleFiles(share, memory.schedules, directory, onFailure);
  }

  /** True where a queue should be emptied before it is full. */
  get areDue(): boolean {
    return this.#outlets.some(({ queue, callAt }) => queue.length >= callAt);
  }

  /** Takes what the threads have written. */
  drain(): void {
    for (const { queue, stream, producer } of this.#outlets) {
      const bytes = queue.take();
      if (bytes === undefined) continue;
      if (this.#failure === undefined) stream.write(bytes);
      producer.ring();
    }
  }

  /** @throws MarlinError `ERR_RUN_DIRECTORY` where something could not be written */
  async close(): Promise<void> {
    this.drain();
    for (const { stream } of this.#outlets) stream.end();
    await Promise.allSettled(this.#outlets.map(async ({ written }) => written));
    if (this.#failure === undefined) return;
    const message = `The schedule could not be written to ${this.#directory}: ${this.#failure.message}`;
    throw new MarlinError('ERR_RUN_DIRECTORY', message, { cause: this.#failure });
  }
}
