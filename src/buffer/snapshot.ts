import type { BlockMover } from './block-mover.js';
import type { WeightPlan, WeightPublisher, WeightReader } from './weights.js';
import { readerScratchBytes, versionMask } from './weights.js';

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
    return versionOfSequence(Atomics.load(this.control, 0));
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
    for (let attempt = 0; attempt < copyAttempts || this.version < 0; attempt++) {
      if (this.#tryCopy()) break;
      this.retries++;
    }
    return this.#current;
  }

  release(): void {
    // The copy is the reader's own.
  }

  lag(): number {
    return (versionOfSequence(Atomics.load(this.control, 0)) - this.version) & versionMask;
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
    this.version = versionOfSequence(sequence);
    return true;
  }

  protected isUnchanged(sequence: number): boolean {
    // A read-modify-write that changes nothing: the plain loads of the copy must not sink below it.
    return Atomics.add(this.control, 0, 0) === sequence;
  }
}

/** The newest whole version at a sequence number; while a version is being written, the one before it. */
export function versionOfSequence(sequence: number): number {
  return (sequence >>> 1) - 1;
}
