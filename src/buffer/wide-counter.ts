/** Int32 words of a {@link WideCounter}. */
export const wideCounterWords = 3;

const lowLimit = 2 ** 30;

/**
 * A count that one thread raises and any thread reads, exact to 2⁵³. Two halves cannot be stored at once, and BigInt
 * atomics allocate; so the high half stands twice, around the low half:
 *
 * ```
 *   word 0  high, stored last      reader: reads 0, 1, 2 in this order,
 *   word 1  low,  stored second            and again while 0 and 2 differ
 *   word 2  high, stored first
 * ```
 */
export class WideCounter {
  readonly #words: Int32Array;
  readonly #first: number;

  constructor(words: Int32Array, first: number) {
    this.#words = words;
    this.#first = first;
  }

  /** The count, read from any thread. */
  value(): number {
    for (;;) {
      const high = Atomics.load(this.#words, this.#first);
      const low = Atomics.load(this.#words, this.#first + 1);
      // Equal halves around the low one: no wrap happened between. Closes the race "low wrapped, high not yet".
      if (Atomics.load(this.#words, this.#first + 2) === high) return high * lowLimit + low;
    }
  }

  /** Sets the count; only its one writer may. */
  set(count: number): void {
    const high = Math.floor(count / lowLimit);
    const low = count - high * lowLimit;
    if (Atomics.load(this.#words, this.#first) === high) {
      Atomics.store(this.#words, this.#first + 1, low);
      return;
    }
    Atomics.store(this.#words, this.#first + 2, high);
    Atomics.store(this.#words, this.#first + 1, low);
    Atomics.store(this.#words, this.#first, high);
  }
}
