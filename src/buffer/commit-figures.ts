const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

const lowLimit = 2 ** 30;
/** Words of a block before its figures: two stamps, and the two halves of a count. */
const headWords = 4;

/** Int32 words that so many figures take. */
export function commitFiguresWords(figureCount: number): number {
  return 1 + 2 * (headWords + figureCount);
}

/**
 * What a learner posts with each commit: training steps done, and its figures (means over the steps of that commit).
 * One thread writes, any reads, nobody waits for anybody: a writer that died has left the block that is read whole.
 *
 * ```
 *   word 0   number of the block to read, stored last
 *   block    stamp │ steps high │ steps low │ figures as bits of f32 … │ stamp        (two of them, written in turn)
 * ```
 * A block is whole if its stamps are equal: the writer stores the front one first and the back one last, a reader loads
 * the back one first. Closes the race "read for so long that the writer came back to this block". It is the newest if its
 * number has not moved: closes the race "read before its number was stored", behind which the next reading would find
 * the commit before.
 */
export class CommitFigures {
  readonly #words: Int32Array;
  readonly #figureCount: number;

  /** @param words {@link commitFiguresWords} of them, all 0 at first: no steps, figures of 0 */
  constructor(words: Int32Array, figureCount: number) {
    this.#words = words;
    this.#figureCount = figureCount;
  }

  /**
   * Posts what a commit came to; only the one writer may.
   * @param figures sums over `divisor` training steps
   */
  post(trainSteps: number, figures: Float64Array, divisor: number): void {
    const words = this.#words;
    const block = 1 - Atomics.load(words, 0);
    const first = this.#first(block);
    const last = first + headWords - 1 + this.#figureCount;
    const stamp = (Atomics.load(words, last) + 1) | 0;
    Atomics.store(words, first, stamp);
    Atomics.store(words, first + 1, Math.floor(trainSteps / lowLimit));
    Atomics.store(words, first + 2, trainSteps % lowLimit);
    for (let index = 0; index < this.#figureCount; index++) {
      float[0] = figures[index] / divisor;
      Atomics.store(words, first + 3 + index, bits[0]);
    }
    Atomics.store(words, last, stamp);
    Atomics.store(words, 0, block);
  }

  /** Writes the training steps and the figures of the newest commit to `row`, from `column` on. */
  read(row: Float64Array, column: number): void {
    const words = this.#words;
    for (;;) {
      const block = Atomics.load(words, 0);
      const first = this.#first(block);
      const last = first + headWords - 1 + this.#figureCount;
      const stamp = Atomics.load(words, last);
      row[column] = Atomics.load(words, first + 1) * lowLimit + Atomics.load(words, first + 2);
      for (let index = 0; index < this.#figureCount; index++) {
        bits[0] = Atomics.load(words, first + 3 + index);
        row[column + 1 + index] = float[0];
      }
      if (Atomics.load(words, first) === stamp && Atomics.load(words, 0) === block) return;
    }
  }

  #first(block: number): number {
    return 1 + block * (headWords + this.#figureCount);
  }
}
