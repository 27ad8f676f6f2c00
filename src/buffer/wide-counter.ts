/** Int32 words of a {@link WideCounter}. */
export const wideCounterWords = 3;

const lowLimit = 2 ** 30;

/**
 * A count that one thread raises and any thread reads, exact to 2⁵³. Two halves cannot be stored at once, and BigInt
 * atomics allocate; so the high half stands twice, around the low half:
 *
 * ```
 *   word 0  high, stored last      reader: reads 0, 1, 2 in this order; where 0 and 2 differ,
 *   word 1  low,  stored second            the count was passing the low half's limit
 *   word 2  high, stored first
 * ```
 *
 * No reader waits for the writer, which may have died between two stores.
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
    const high = Atomics.load(this.#words, this.#first);
    const low = Atomics.load(this.#words, this.#first + 1);
    const coming = Atomics.load(this.#words, this.#first + 2);
    // Equal halves around the low one: it belongs to them. Otherwise the count passed the limit meanwhile, and was there
    // at some moment since this call began. Closes the race "low wrapped, high not yet".
    return coming === high ? high * lowLimit + low : coming * lowLimit;
  }

  /** Sets the count; only its one writer may. */
  set(count: number): void {
    const high = Math.floor(count / lowLimit);
    const low = count - high * lowLimit;
    // Both, for a writer may have died between storing the one and the other.
    if (Atomics.load(this.#words, this.#first) === high && Atomics.load(this.#words, this.#first + 2) === high) {
      Atomics.store(this.#words, this.#first + 1, low);
      return;
    }
    Atomics.store(this.#words, this.#first + 2, high);
    Atomics.store(this.#words, this.#first + 1, low);
    Atomics.store(this.#words, this.#first, high);
  }
}
