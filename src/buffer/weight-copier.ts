import { setImmediate as nextEvents } from 'node:timers/promises';
import { MarlinError } from '../errors.js';
import { versionOfSequence } from './snapshot.js';
import type { WeightPlan } from './weights.js';

/** A learner publishes once in many times what a copy takes: one that fails for so long has another reason. */
const patienceMs = 2_000;

/**
 * Copies the newest published weights for somebody who is no actor: evaluation, and the files of a run. It holds no pin,
 * so no learner ever waits for it or puts off a publication; a copy that a publication ran into is made again.
 *
 * ```
 * double-buffer   v = active, copy slot(v), active still v?   The learner writes slot(v) again only as version v + 2: it
 *                 stored active = v + 1 and then looked at the pins before it began.
 * snapshot        s = sequence, s even?, copy, sequence still s?
 * ```
 */
export class WeightCopier {
  protected readonly control: Int32Array;
  readonly #buffer: SharedArrayBuffer;
  readonly #plan: WeightPlan;

  constructor(buffer: SharedArrayBuffer, plan: WeightPlan) {
    this.control = new Int32Array(buffer, plan.control, 1);
    this.#buffer = buffer;
    this.#plan = plan;
  }

  /**
   * Copies a whole parameter block; at once, unless a publication comes between.
   * @param destination as long as the block
   * @returns the version that was copied
   * @throws MarlinError `ERR_STATE` where none is published, or a learner died while it wrote a snapshot
   */
  async copy(destination: Uint8Array): Promise<number> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const version = this.tryCopy(destination);
      if (version >= 0) return version;
      if (performance.now() > deadline) break;
      // The learner may have lost its core in the middle of a snapshot; this thread has other things to do.
      await nextEvents();
    }
    throw new MarlinError('ERR_STATE', `There were no whole weights to copy for ${patienceMs} ms.`);
  }

  /** One attempt; −1 where the copy is not whole. */
  protected tryCopy(destination: Uint8Array): number {
    const { mode, slots, bytes } = this.#plan;
    const word = Atomics.load(this.control, 0);
    const version = mode === 'double-buffer' ? word : versionOfSequence(word);
    if (version < 0 || (mode === 'snapshot' && (word & 1) === 1)) return -1;
    destination.set(new Uint8Array(this.#buffer, slots[version % slots.length], bytes));
    return this.isUnchanged(word) ? version : -1;
  }

  protected isUnchanged(word: number): boolean {
    // A read-modify-write that changes nothing: the plain loads of the copy must not sink below it.
    return Atomics.add(this.control, 0, 0) === word;
  }
}
