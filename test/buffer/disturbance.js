/** @typedef {import('#marlin/buffer/block-mover.js').BlockMover} BlockMover */

/** Loses time at random, so that threads meet at every point of each other's work. */
export class Disturbance {
  #state;
  #oneIn;
  #rounds;

  /**
   * @param {number} seed
   * @param {number} oneIn a pause is taken once in so many chances
   * @param {number} rounds longest pause, in rounds of an idle loop of about a nanosecond
   */
  constructor(seed, oneIn, rounds) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
    this.#oneIn = oneIn;
    this.#rounds = rounds;
  }

  perhapsPause() {
    if (this.#draw() % this.#oneIn === 0) this.pause();
  }

  pause() {
    let left = this.#draw() % this.#rounds;
    while (left > 0) left--;
  }

  #draw() {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }
}

/**
 * Copies in two halves, with a chance of a pause between them.
 * @implements {BlockMover}
 */
export class DisturbedMover {
  #mover;
  #disturbance;

  /**
   * @param {BlockMover} mover
   * @param {Disturbance} disturbance
   */
  constructor(mover, disturbance) {
    this.#mover = mover;
    this.#disturbance = disturbance;
  }

  /** @type {BlockMover['copyBytes']} */
  copyBytes(destination, source, bytes) {
    const half = bytes >> 1;
    this.#mover.copyBytes(destination, source, half);
    this.#disturbance.perhapsPause();
    this.#mover.copyBytes(destination + half, source + half, bytes - half);
  }

  /** @type {BlockMover['gatherRowsU8ToF32']} */
  gatherRowsU8ToF32(destination, source, rowSize, rows, count, scale) {
    this.#disturbance.perhapsPause();
    this.#mover.gatherRowsU8ToF32(destination, source, rowSize, rows, count, scale);
  }

  /** @type {BlockMover['gatherRowsF32']} */
  gatherRowsF32(destination, source, rowSize, rows, count, scale) {
    this.#disturbance.perhapsPause();
    this.#mover.gatherRowsF32(destination, source, rowSize, rows, count, scale);
  }

  /** @type {BlockMover['gatherRows']} */
  gatherRows(destination, source, rowBytes, rows, count) {
    this.#disturbance.perhapsPause();
    this.#mover.gatherRows(destination, source, rowBytes, rows, count);
  }
}
