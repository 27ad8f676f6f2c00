import type { WriteStream } from 'node:fs';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { ByteQueue } from '../buffer/byte-queue.js';
import type { ByteQueuePlan } from '../buffer/byte-queue.js';
import type { Doorbell } from '../buffer/doorbell.js';
import { MarlinError } from '../errors.js';
import type { EventKind } from '../schedule/schedule-format.js';
import { scheduleMagic } from '../schedule/schedule-format.js';
import { encodeEvent } from '../schedule/schedule-writer.js';
import { runFiles } from './run-files.js';
import { actorControls, learnerControls } from './run-memory.js';
import type { SchedulesPlan } from './run-plan.js';
import type { RunShare } from './run-share.js';
import { actorName, learnerName } from './thread-names.js';

/**
 * File of a thread's schedule in a run directory.
 * @param life 0 for the first thread of this name, then one more for each that took the place of another
 */
export function scheduleFile(directory: string, thread: string, life: number): string {
  return join(directory, runFiles.schedule, life === 0 ? `${thread}.bin` : `${thread}.${life}.bin`);
}

/** Where the schedule of one thread goes, and of those that take its place. */
interface Outlet {
  readonly queue: ByteQueue;
  readonly callAt: number;
  /** Whoever fills the queue may be waiting for room. */
  readonly producer: Doorbell;
  life: number;
  stream: WriteStream;
}

/** The main thread's end of a recorded schedule: one file per thread. */
export class ScheduleFiles {
  readonly #directory: string;
  readonly #onFailure: () => void;
  readonly #outlets: ReadonlyMap<string, Outlet>;
  /** Settle once everything is written. */
  readonly #written: Promise<void>[] = [];
  #failure: Error | undefined;

  private constructor(share: RunShare, plans: SchedulesPlan, directory: string, onFailure: () => void) {
    this.#directory = directory;
    this.#onFailure = onFailure;
    const open = (name: string, plan: ByteQueuePlan, producer: Doorbell): [string, Outlet] => {
      const queue = new ByteQueue(share.runMemory, plan);
      return [name, { queue, callAt: plan.capacity >> 1, producer, life: 0, stream: this.#open(name, 0) }];
    };
    const [actors, learners] = [actorControls(share), learnerControls(share)];
    this.#outlets = new Map([
      ...plans.actors.map((plan, index) => open(actorName(index), plan, actors[index].doorbell)),
      ...plans.learners.map((plan, index) => open(learnerName(index), plan, learners[index].doorbell)),
    ]);
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
    for (const { queue, callAt } of this.#outlets.values()) if (queue.length >= callAt) return true;
    return false;
  }

  /** Takes what the threads have written. */
  drain(): void {
    for (const outlet of this.#outlets.values()) this.#drain(outlet);
  }

  /** A thread is gone, perhaps in the middle of an event: the one that takes its place gets a file of its own. */
  beginLife(thread: string): void {
    const outlet = this.#outletOf(thread);
    this.#drain(outlet);
    outlet.stream.end();
    outlet.life++;
    outlet.stream = this.#open(thread, outlet.life);
  }

  /** Writes an event that the thread itself does not know of. To be called before the thread is started. */
  note(thread: string, kind: EventKind, policy: number, numbers: readonly number[]): void {
    this.#outletOf(thread).stream.write(encodeEvent(kind, policy, numbers));
  }

  /** @throws MarlinError `ERR_RUN_DIRECTORY` where something could not be written */
  async close(): Promise<void> {
    this.drain();
    for (const { stream } of this.#outlets.values()) stream.end();
    await Promise.allSettled(this.#written);
    if (this.#failure === undefined) return;
    const message = `The schedule could not be written to ${this.#directory}: ${this.#failure.message}`;
    throw new MarlinError('ERR_RUN_DIRECTORY', message, { cause: this.#failure });
  }

  #open(thread: string, life: number): WriteStream {
    const stream = createWriteStream(scheduleFile(this.#directory, thread, life));
    stream.write(scheduleMagic);
    const written = finished(stream);
    written.catch((error: Error) => {
      this.#failure ??= error;
      this.#onFailure();
    });
    this.#written.push(written);
    return stream;
  }

  #drain({ queue, stream, producer }: Outlet): void {
    const bytes = queue.take();
    if (bytes === undefined) return;
    if (this.#failure === undefined) stream.write(bytes);
    producer.ring();
  }

  #outletOf(thread: string): Outlet {
    const outlet = this.#outlets.get(thread);
    if (outlet === undefined) throw new MarlinError('ERR_STATE', `There is no thread ${thread} to be recorded.`);
    return outlet;
  }
}
