import type { CommitFigures } from '../buffer/commit-figures.js';
import type { RingWriter, Transition } from '../buffer/ring-writer.js';
import type { WeightReader } from '../buffer/weights.js';
import { versionMask } from '../buffer/weights.js';
import type { PostedFigures, PublishedWeights } from './replayed-learner.js';
import type { ScheduledEvent, ScheduleStream } from './schedule-reader.js';
import { eventKind } from './schedule-format.js';

/** Counts down to the next of a policy's events, which come after so many occasions and move a number forward. */
class Moves {
  readonly #events: Iterator<ScheduledEvent, void>;
  #left = Infinity;
  #by = 0;

  constructor(events: Iterator<ScheduledEvent, void>) {
    this.#events = events;
    this.#take();
  }

  /** By how much the number moves at this occasion. */
  next(): number {
    if (this.#left > 0) {
      this.#left--;
      return 0;
    }
    const by = this.#by;
    this.#take();
    // This occasion is the first that the new number holds for.
    this.#left--;
    return by;
  }

  #take(): void {
    const { value } = this.#events.next();
    this.#left = value === undefined ? Infinity : value.numbers[0];
    this.#by = value?.numbers[1] ?? 0;
  }
}

/**
 * Versions of a policy's weights that a recorded actor acted by.
 * @param streams of its thread and of those that took its place
 */
export function versionsActedBy(streams: readonly ScheduleStream[], policy: number): Set<number> {
  const versions = new Set([0]);
  for (const stream of streams) {
    let version = 0;
    for (const { numbers } of stream.events(policy, [eventKind.version])) {
      version = (version + numbers[1]) & versionMask;
      versions.add(version);
    }
  }
  return versions;
}

/** Writes what a recorded actor wrote before its thread died, and nothing that it did not come to write. */
export class LimitedWriter implements Pick<RingWriter, 'append' | 'pass' | 'bookmark'> {
  readonly #writer: RingWriter;
  readonly #end: number;

  /** @param end head of the ring when the thread was gone */
  constructor(writer: RingWriter, end: number) {
    this.#writer = writer;
    this.#end = end;
  }

  get isThrough(): boolean {
    return this.#writer.head === this.#end;
  }

  append(transition: Transition): void {
    if (!this.isThrough) this.#writer.append(transition);
  }

  pass(transition: Transition): void {
    this.#writer.pass(transition);
  }

  bookmark(turns: number, rows: number): void {
    if (!this.isThrough) this.#writer.bookmark(turns, rows);
  }
}

/** Reads the weights that the recorded actor acted by, from a copy of its own. */
export class ReplayedReader implements WeightReader {
  readonly retries = 0;
  version = -1;
  readonly #moves: Moves;
  readonly #published: (version: number) => PublishedWeights;
  readonly #copy: Uint8Array;
  readonly #offset: number;

  /**
   * @param offset byte offset of room for a parameter block
   * @param published the weights of a version
   */
  constructor(
    buffer: SharedArrayBuffer,
    offset: number,
    parameterBytes: number,
    stream: ScheduleStream,
    policy: number,
    published: (version: number) => PublishedWeights,
  ) {
    this.#moves = new Moves(stream.events(policy, [eventKind.version]));
    this.#published = published;
    this.#copy = new Uint8Array(buffer, offset, parameterBytes);
    this.#offset = offset;
  }

  acquire(): number {
    const by = this.#moves.next();
    // The first acquisition is counted from version 0, which is there from the start.
    const from = Math.max(0, this.version);
    if (by > 0 || from !== this.version) {
      this.version = (from + by) & versionMask;
      this.#copy.set(this.#published(this.version).bytes);
    }
    return this.#offset;
  }

  release(): void {
    // The copy is this reader's own.
  }

  lag(): number {
    return 0;
  }
}

/** Reads the figures of the commits that the recorded reports saw. */
export class ReplayedFigures implements Pick<CommitFigures, 'read'> {
  readonly #moves: Moves;
  readonly #posted: (trainSteps: number) => PostedFigures;
  readonly #width: number;
  #steps = 0;

  /** @param posted what was posted with the commit of so many training steps */
  constructor(
    figureCount: number,
    stream: ScheduleStream,
    policy: number,
    posted: (trainSteps: number) => PostedFigures,
  ) {
    this.#moves = new Moves(stream.events(policy, [eventKind.figures]));
    this.#posted = posted;
    this.#width = 1 + figureCount;
  }

  read(row: Float64Array, column: number): void {
    this.#steps += this.#moves.next();
    row.set(this.#posted(this.#steps).row.subarray(0, this.#width), column);
  }
}
