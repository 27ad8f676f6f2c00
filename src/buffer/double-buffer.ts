import type { BlockMover } from './block-mover.js';
import type { Pin, WeightPlan, WeightPublisher, WeightReader } from './weights.js';
import { versionMask } from './weights.js';

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
    const next = (this.version + 1) & versionMask;
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

  lag(): number {
    return (Atomics.load(this.control, 0) - this.version) & versionMask;
  }

  protected setPin(slot: number): void {
    // A read-modify-write: the plain loads of the forward pass must not rise above the pin.
    Atomics.exchange(this.pin.words, this.pin.index, slot + 1);
  }
}
