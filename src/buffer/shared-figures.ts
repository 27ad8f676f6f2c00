const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/**
 * Figures that one thread keeps current and others read, such as the last loss. Kept as the bits of a float32 in one
 * Int32 word each: an atomic word cannot be read half-written, which ECMAScript does not promise for floats.
 */
export class SharedFigures {
  readonly #words: Int32Array;

  /** @param words one Int32 word per figure */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  set(index: number, figure: number): void {
    float[0] = figure;
    Atomics.store(this.#words, index, bits[0]);
  }

  get(index: number): number {
    bits[0] = Atomics.load(this.#words, index);
    return float[0];
  }
}
