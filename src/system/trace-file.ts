import type { WriteStream } from 'node:fs';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { LossyQueuePlan } from '../buffer/lossy-queue.js';
import { LossyQueue } from '../buffer/lossy-queue.js';
import { debugLogOf } from '../debug-log.js';
import { MarlinError } from '../errors.js';
import { nowMs } from '../metrics/clock.js';
import { TraceEventText, traceWidth } from '../metrics/trace-event.js';
import type { RunShare } from './run-share.js';
import { actorName, learnerName } from './thread-names.js';

/** Events of a trace at the most: some 240 MB. What is beyond could be opened nowhere. */
const defaultLimit = 2_000_000;
/** Characters that are written at once. */
const chunkLength = 1 << 16;

export interface TraceOptions {
  /** Events at the most. Default two million. */
  readonly limit?: number | undefined;
  /** Called where the file can no longer be written; {@link TraceFile.close} says why. */
  readonly onFailure?: (() => void) | undefined;
}

interface Track {
  readonly name: string;
  /** Undefined for the thread that writes the file. */
  readonly queue: LossyQueue | undefined;
  /** Records that its queue had dropped when that was last looked at. */
  dropped: number;
}

/**
 * `trace.json`: what the threads of a run did when, as Chrome trace events, one track per thread. It has its name only once
 * it is whole.
 */
export class TraceFile {
  readonly #path: string;
  readonly #tracks: Track[];
  readonly #text: TraceEventText;
  readonly #limit: number;
  readonly #stream: WriteStream;
  readonly #written: Promise<void>;
  readonly #row = new Float64Array(traceWidth);
  #pending: string;
  #events = 0;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param tracks by name, the queue of each thread; undefined for the calling thread, which calls {@link add}
   * @param policies ids, in the order of the plan
   */
  constructor(
    path: string,
    tracks: ReadonlyMap<string, LossyQueue | undefined>,
    policies: readonly string[],
    { limit = defaultLimit, onFailure }: TraceOptions = {},
  ) {
    this.#path = path;
    this.#limit = limit;
    this.#tracks = [...tracks].map(([name, queue]) => ({ name, queue, dropped: queue?.dropped ?? 0 }));
    this.#text = new TraceEventText(nowMs(), policies);
    this.#stream = createWriteStream(`${path}.partial`, { flush: true });
    this.#written = finished(this.#stream);
    this.#written.catch((error: Error) => {
      this.#failure ??= error;
      onFailure?.();
    });
    const names = this.#tracks.map(({ name }, index) => this.#text.track(index + 1, name));
    this.#pending = `{"displayTimeUnit":"ms","traceEvents":[\n${names.join(',\n')}`;
  }

  /** True where a queue should be emptied before it is full. */
  get isDue(): boolean {
    return this.#tracks.some(({ queue }) => queue?.isHalfFull);
  }

  /** Takes what the threads have told. */
  drain(): void {
    for (const [index, track] of this.#tracks.entries()) {
      const { queue } = track;
      if (queue === undefined) continue;
      while (queue.take(this.#row)) this.add(index, this.#row);
      const { dropped } = queue;
      if (dropped !== track.dropped) this.#mark(index, `${dropped - track.dropped} events are missing here`);
      track.dropped = dropped;
    }
    this.#write(chunkLength);
  }

  /** Adds what a thread has told; nothing once the trace has as many events as it may have. */
  add(track: number, row: Float64Array): void {
    if (this.#events >= this.#limit) return;
    this.#events++;
    this.#append(this.#text.span(track + 1, row));
    if (this.#events < this.#limit) return;
    this.#tracks.forEach(({ queue }, index) => {
      queue?.close();
      this.#mark(index, `The trace ends here: it has its ${this.#limit} events`);
    });
  }

  /**
   * Writes what is left and gives the file its name.
   * @throws MarlinError `ERR_RUN_DIRECTORY` where it could not be written
   */
  async close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    this.drain();
    const missing = Object.fromEntries(this.#tracks.map(({ name, dropped }) => [name, dropped]));
    const about = { events: this.#events, missing, endedAtLimit: this.#events >= this.#limit };
    this.#pending += `\n],"otherData":${JSON.stringify(about)}}\n`;
    this.#write(0);
    this.#stream.end();
    debugLogOf('main')?.(`trace: ${JSON.stringify(about)}`);
    try {
      await this.#written;
      await rename(`${this.#path}.partial`, this.#path);
    } catch (cause) {
      await rm(`${this.#path}.partial`, { force: true }).catch(() => {});
      const message = `The trace could not be written to ${this.#path}: ${(cause as Error).message}`;
      throw new MarlinError('ERR_RUN_DIRECTORY', message, { cause });
    }
  }

  #mark(track: number, name: string): void {
    this.#append(this.#text.mark(track + 1, nowMs(), name));
  }

  #append(event: string): void {
    this.#pending += `,\n${event}`;
    this.#write(chunkLength);
  }

  /** Writes what is pending where that is more than so many characters. */
  #write(length: number): void {
    if (this.#pending.length <= length) return;
    if (this.#failure === undefined) this.#stream.write(this.#pending);
    this.#pending = '';
  }
}

/** The trace of a run's threads. */
export function openTraceFile(share: RunShare, path: string, onFailure: () => void): TraceFile {
  const ids = share.plan.policies.map(({ id }) => id);
  return new TraceFile(path, tracksOf(share), ids, { onFailure });
}

function tracksOf({ plan, runMemory }: RunShare): ReadonlyMap<string, LossyQueue | undefined> {
  const { traces } = plan.memory;
  if (traces === undefined) return new Map([['main', undefined]]);
  const named = (nameOf: (index: number) => string, plans: readonly LossyQueuePlan[]): [string, LossyQueue][] =>
    plans.map((queue, index) => [nameOf(index), new LossyQueue(runMemory, queue)]);
  return new Map([...named(actorName, traces.actors), ...named(learnerName, traces.learners)]);
}
