import { Doorbell, doorbellWords } from './doorbell.js';
import type { Layout } from './layout.js';
import { sectionAlignment } from './layout.js';

/** What a worker is asked to do: the only thing it hears between the start and the end of its one long call. */
export const command = {
  run: 0,
  /** Sleep until the command changes. */
  pause: 1,
  /** End in good order: the actor before its next turn, a learner soon after. */
  stop: 2,
  /** End now: another worker has failed, and the run with it. */
  abort: 3,
} as const;

export type Command = (typeof command)[keyof typeof command];

/**
 * One worker's line in run memory.
 *
 * ```
 *   word 0     command    written by the main thread, read by the worker
 *   word 1–2   doorbell   rung by any thread, slept on by the worker
 *   word 3     done       written by the worker when its work is complete
 *   word 4     held       written by the worker: not 0 while an actor waits for its report to be taken (the epoch of that
 *                         report), or while a learner is paused and has saved where it stands (1)
 *   word 5     awaited    written by the main thread: an actor waits until its next report has been taken
 *   word 6     beats      counted by the worker: it gets on with its work
 * ```
 */
export class WorkerControl {
  readonly doorbell: Doorbell;
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer, offset: number) {
    this.#words = new Int32Array(buffer, offset, sectionAlignment / 4);
    this.doorbell = new Doorbell(this.#words, 1);
  }

  static reserve(layout: Layout): number {
    return layout.reserve(sectionAlignment);
  }

  get command(): Command {
    return Atomics.load(this.#words, 0) as Command;
  }

  /** True once the worker is to end, in good order or not. */
  get isEnding(): boolean {
    return Atomics.load(this.#words, 0) >= command.stop;
  }

  /** Main thread: asks, and wakes the worker so that it hears. */
  ask(next: Command): void {
    Atomics.store(this.#words, 0, next);
    this.doorbell.ring();
  }

  /** True once the worker has nothing left to do. */
  get isDone(): boolean {
    return Atomics.load(this.#words, 1 + doorbellWords) === 1;
  }

  /** True while the worker stands still and what it has done can be seen in memory. */
  get isHeld(): boolean {
    return this.heldAt !== 0;
  }

  /** 0 while it is not held; of an actor, the epochs that the report tells of at which it waits. */
  get heldAt(): number {
    return Atomics.load(this.#words, 2 + doorbellWords);
  }

  /** Worker: says whether and where it is held. Releases what it has saved before. */
  set heldAt(place: number) {
    Atomics.store(this.#words, 2 + doorbellWords, place);
  }

  /** True where the actor is to wait until its next report has been taken. */
  get isReportAwaited(): boolean {
    return Atomics.load(this.#words, 3 + doorbellWords) === 1;
  }

  set isReportAwaited(isAwaited: boolean) {
    Atomics.store(this.#words, 3 + doorbellWords, isAwaited ? 1 : 0);
  }

  /** Worker: it gets on. To be called between any two turns or training steps. */
  beat(): void {
    Atomics.add(this.#words, 4 + doorbellWords, 1);
  }

  /** Beats so far, modulo 2³². */
  get beats(): number {
    return Atomics.load(this.#words, 4 + doorbellWords);
  }

  /** Main thread: makes the line ready for the worker that follows one that died. What is asked remains asked. */
  reset(): void {
    this.heldAt = 0;
    this.doorbell.reset();
  }

  /** Worker: everything it will ever write has been written. */
  markDone(): void {
    // Releases all of it: whoever sees the mark sees the last transition, weights and counts.
    Atomics.store(this.#words, 1 + doorbellWords, 1);
  }
}
