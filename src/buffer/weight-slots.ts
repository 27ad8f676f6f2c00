import type { BlockMover } from './block-mover.js';
import type { Layout } from './layout.js';
import { sectionAlignment } from './layout.js';

/**
 * How a policy's weights reach its actors.
 * - `double-buffer`: two slots; an actor pins the one it computes with and reads it where it was written.
 * - `snapshot`: one slot behind a sequence number; an actor copies it when the version moved.
 */
export type WeightMode = 'double-buffer' | 'snapshot';

/** Where the published weights of one policy lie in its memory: byte offsets, plain data. */
export interface WeightPlan {
  readonly mode: WeightMode;
  /** Bytes of one parameter block. */
  readonly bytes: number;
  /** One Int32 word: the newest version (`double-buffer`) or the sequence number (`snapshot`). */
  readonly control: number;
  /** One block per slot: two for `double-buffer`, one for `snapshot`. */
  readonly slots: readonly number[];
}

export function planWeights(layout: Layout, mode: WeightMode, bytes: number): WeightPlan {
  const control = layout.reserve(sectionAlignment);
  const slots = mode === 'double-buffer' ? [layout.reserve(bytes), layout.reserve(bytes)] : [layout.reserve(bytes)];
  return { mode, bytes, control, slots };
}

/** Bytes of private copies that a reader of these weights needs. */
export function readerScratchBytes(mode: WeightMode, bytes: number): number {
  return mode === 'snapshot' ? 2 * Math.ceil(bytes / sectionAlignment) * sectionAlignment : 0;
}

/** The learner's end. One per policy. */
export interface WeightPublisher {
  /** Versions published so far, the initial weights being version 0; −1 before that. */
  readonly version: number;
  /**
   * Publishes the parameter block at byte `source` as the next version.
   * @returns false when an actor still reads the slot that would be written: train on and try later
   */
  tryPublish(source: number): boolean;
}

/** An actor's end. One per (actor, policy). */
export interface WeightReader {
  /** Version of the weights last acquired. */
  readonly version: number;
  /** Acquisitions repeated because the weights moved meanwhile. */
  readonly retries: number;
  /** Byte offset of the newest whole parameter block; it does not change until {@link release}. */
  acquire(): number;
  /** Ends the reading. Call after every `acquire`, before the environment steps. */
  release(): void;
  /** The newest version published, whoever holds which. */
  newestVersion(): number;
}

/** One Int32 word in run memory that one (actor, policy) pair alone writes: 0, or 1 + the slot being read. */
export interface Pin {
  readonly words: Int32Array;
  readonly index: number;
}

export function createPublisher(
  buffer: SharedArrayBuffer,
  plan: WeightPlan,
  pins: readonly Pin[],
  mover: BlockMover,
): WeightPublisher {
  return plan.mode === 'double-buffer'
    ? new DoubleBufferPublisher(buffer, plan, pins, mover)
    : new SnapshotPublisher(buffer, plan, mover);
}

/** @param scratch byte offset of `readerScratchBytes` of this reader's own */
export function createReader(
  buffer: SharedArrayBuffer,
  plan: WeightPlan,
  pin: Pin,
  mover: BlockMover,
  scratch: number,
): WeightReader {
  return plan.mode === 'double-buffer'
    ? new DoubleBufferReader(buffer, plan, pin)
    : new SnapshotReader(buffer, plan, mover, scratch);
}

/** Writes version 0. Called once, by the thread that made the memory, before any other runs. */
export function initializeWeights(buffer: SharedArrayBuffer, plan: WeightPlan): void {
  new Int32Array(buffer, plan.control, 1)[0] = plan.mode === 'double-buffer' ? -1 : 0;
}

/**
 * Version v lives in slot v & 1.
 *
 * ```
 *   learner                                   actor
 *   next = version + 1                        v = active
 *   any pin on slot(next)? → later            pin := slot(v)        (RMW)
 *   copy into slot(next)                      active still v?  no → again
 *   active := next                            forward pass on slot(v)
 *                                             pin := none
 * ```
 *
 * The learner stores `active` and then reads pins; the actor stores its pin and then reads `active`. All four are
 * sequentially consistent, so at least one of the two sees the other: either the learner finds the slot pinned, or the
 * actor finds that the version moved.
 */
export class DoubleBufferPublisher implements WeightPublisher {
  protected readonly plan: WeightPlan;
  protected readonly control: Int32Array;
  readonly #pins: readonly Pin[];
  readonly #mover: BlockMover;

  constructor(buffer: SharedArrayBuffer, plan: WeightPlan, pins: readonly Pin[], mover: BlockMover) {
    this.plan = plan;
    this.control = new Int32Array(buffer, plan.control, 1);
    this.#pins = pins;
    this.#mover = mover;
  }

  get version(): number {
    return Atomics.load(this.control, 0);
  }

  tryPublish(source: number): boolean {
    const next = this.version + 1;
    if (this.isPinned(next & 1)) return false;
    this.#mover.copyBytes(this.plan.slots[next & 1], source, this.plan.bytes);
    // Releases the copy: whoever reads this version reads whole weights.
    Atomics.store(this.control, 0, next);
    return true;
  }

  protected isPinned(slot: number): boolean {
    for (const pin of this.#pins) {
      // Closes the race "learner overwrites the slot an actor computes with": see the class comment.
      if (Atomics.load(pin.words, pin.index) === slot + 1) return true;
    }
    return false;
  }
}

/** See {@link DoubleBufferPublisher}. */
export class DoubleBufferReader implements WeightReader {
  version = -1;
  retries = 0;
  protected readonly control: Int32Array;
  protected readonly pin: Pin;
  readonly #slots: readonly number[];

  constructor(buffer: SharedArrayBuffer, plan: WeightPlan, pin: Pin) {
    this.control = new Int32Array(buffer, plan.control, 1);
    this.pin = pin;
    this.#slots = plan.slots;
  }

  acquire(): number {
    for (;;) {
      const version = Atomics.load(this.control, 0);
      this.setPin(version & 1);
      // Only if the version did not move is the pin in time: the learner may have looked at the pins before it was set.
      if (Atomics.load(this.control, 0) === version) {
        this.version = version;
        return this.#slots[version & 1];
      }
      this.retries++;
    }
  }

  release(): void {
    // A releasing store: the forward pass has read all it reads.
    Atomics.store(this.pin.words, this.pin.index, 0);
  }

  newestVersion(): number {
    return Atomics.load(this.control, 0);
  }

  protected setPin(slot: number): void {
    // A read-modify-write: the plain loads of the forward pass must not rise above the pin.
    Atomics.exchange(this.pin.words, this.pin.index, slot + 1);
  }
}

/**
 * A sequence lock: odd while the slot is being written; version = sequence / 2 − 1, so that 2 is version 0. The
 * learner never waits; a reader that loses three times keeps the copy it has.
 */
export class SnapshotPublisher implements WeightPublisher {
  protected readonly plan: WeightPlan;
  protected readonly control: Int32Array;
  protected readonly mover: BlockMover;

  constructor(buffer: SharedArrayBuffer, plan: WeightPlan, mover: BlockMover) {
    this.plan = plan;
    this.control = new Int32Array(buffer, plan.control, 1);
    this.mover = mover;
  }

  get version(): number {
    return versionOf(Atomics.load(this.control, 0));
  }

  tryPublish(source: number): boolean {
    // Left odd by a learner that died while writing: it is odd already.
    if ((Atomics.load(this.control, 0) & 1) === 0) {
      // A read-modify-write, so that no plain store of the copy becomes visible before the sequence is odd.
      Atomics.add(this.control, 0, 1);
    }
    this.mover.copyBytes(this.plan.slots[0], source, this.plan.bytes);
    // Even again, releasing the copy. Closes the race "actor reads weights half-copied".
    Atomics.add(this.control, 0, 1);
    return true;
  }
}

/** Copies that fail before a reader goes on with the weights it has. */
const copyAttempts = 3;

/** See {@link SnapshotPublisher}. Copies into a spare block, so that a failed copy costs nothing. */
export class SnapshotReader implements WeightReader {
  version = -1;
  retries = 0;
  protected readonly plan: WeightPlan;
  protected readonly control: Int32Array;
  protected readonly mover: BlockMover;
  #sequence = -1;
  #current: number;
  #spare: number;

  constructor(buffer: SharedArrayBuffer, plan: WeightPlan, mover: BlockMover, scratch: number) {
    this.plan = plan;
    this.control = new Int32Array(buffer, plan.control, 1);
    this.mover = mover;
    this.#current = scratch;
    this.#spare = scratch + readerScratchBytes('snapshot', plan.bytes) / 2;
  }

  acquire(): number {
    if (Atomics.load(this.control, 0) === this.#sequence) return this.#current;
    // Without any copy yet there is nothing to go on with, so the first acquisition insists.
    for (let attempt = 0; attempt < copyAttempts || this.#sequence < 0; attempt++) {
      if (this.#tryCopy()) break;
      this.retries++;
    }
    return this.#current;
  }

  release(): void {
    // The copy is the reader's own.
  }

  newestVersion(): number {
    return versionOf(Atomics.load(this.control, 0));
  }

  #tryCopy(): boolean {
    const sequence = Atomics.load(this.control, 0);
    if ((sequence & 1) === 1) return false;
    this.mover.copyBytes(this.#spare, this.plan.slots[0], this.plan.bytes);
    if (!this.isUnchanged(sequence)) return false;
    const taken = this.#spare;
    this.#spare = this.#current;
    this.#current = taken;
    this.#sequence = sequence;
    this.version = versionOf(sequence);
    return true;
  }

  protected isUnchanged(sequence: number): boolean {
    // A read-modify-write that changes nothing: the plain loads of the copy must not sink below it.
    return Atomics.add(this.control, 0, 0) === sequence;
  }
}

/** The newest whole version at a sequence number; while a version is being written, the one before it. */
function versionOf(sequence: number): number {
  return (sequence >> 1) - 1;
}
