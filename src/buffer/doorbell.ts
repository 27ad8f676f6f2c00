/** Int32 words of a {@link Doorbell}. */
export const doorbellWords = 2;

/**
 * Wakes one sleeper. Any thread may ring; only the owner sleeps. A ringer stores its progress first, with an atomic
 * store, and then rings: that costs one load unless the owner sleeps.
 *
 * ```
 *   word 0  rings      counts the rings that found a sleeper
 *   word 1  sleeping   1 from before the sleeper's last look at its condition until it is awake
 * ```
 */
export class Doorbell {
  readonly #words: Int32Array;
  readonly #rings: number;
  readonly #sleeping: number;

  constructor(words: Int32Array, first: number) {
    this.#words = words;
    this.#rings = first;
    this.#sleeping = first + 1;
  }

  /** True from before the owner falls asleep until it is awake. */
  get isAsleep(): boolean {
    return Atomics.load(this.#words, this.#sleeping) === 1;
  }

  /** The owner is gone, perhaps in its sleep: the next one is awake. */
  reset(): void {
    Atomics.store(this.#words, this.#sleeping, 0);
  }

  /** Wakes the owner if it sleeps. Call after the progress that it waits for has been stored. */
  ring(): void {
    // The ringer stores progress, then loads `sleeping`; the sleeper stores `sleeping`, then loads progress. Both in
    // one total order, so one of them sees the other. Closes the race "rung just before it fell asleep".
    if (Atomics.load(this.#words, this.#sleeping) === 1) {
      Atomics.add(this.#words, this.#rings, 1);
      Atomics.notify(this.#words, this.#rings);
    }
  }

  /**
   * Blocks the calling worker until rung, or until `timeoutMs` have passed; returns at once when `ready` holds. The
   * caller looks at its condition again: a time-out and a ring for another reason look the same.
   */
  sleepUnless(ready: () => boolean, timeoutMs: number): void {
    const rings = Atomics.load(this.#words, this.#rings);
    Atomics.store(this.#words, this.#sleeping, 1);
    // A ring between these two lines moved `rings`, and the wait returns at once.
    if (!ready()) Atomics.wait(this.#words, this.#rings, rings, timeoutMs);
    Atomics.store(this.#words, this.#sleeping, 0);
  }

  /** The same for the main thread, which must not block. A pending wait does not keep the event loop alive. */
  async sleepUnlessAsync(ready: () => boolean, timeoutMs: number): Promise<void> {
    const rings = Atomics.load(this.#words, this.#rings);
    Atomics.store(this.#words, this.#sleeping, 1);
    if (!ready()) {
      const wait = Atomics.waitAsync(this.#words, this.#rings, rings, timeoutMs);
      if (wait.async) await wait.value;
    }
    Atomics.store(this.#words, this.#sleeping, 0);
  }
}
