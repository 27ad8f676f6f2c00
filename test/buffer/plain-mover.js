/** @typedef {import('#marlin/buffer/block-mover.js').BlockMover} BlockMover */

/**
 * The block mover written the plain way: the model that the kernels are held against.
 * @implements {BlockMover}
 */
export class PlainMover {
  #bytes;
  #integers;
  #floats;

  /** @param {SharedArrayBuffer} buffer of a length that is a multiple of 4 */
  constructor(buffer) {
    this.#bytes = new Uint8Array(buffer);
    this.#integers = new Int32Array(buffer);
    this.#floats = new Float32Array(buffer);
  }

  /** @type {BlockMover['copyBytes']} */
  copyBytes(destination, source, bytes) {
    this.#bytes.copyWithin(destination, source, source + bytes);
  }

  /** @type {BlockMover['gatherRowsU8ToF32']} */
  gatherRowsU8ToF32(destination, source, rowSize, rows, count, scale) {
    this.#gather(this.#bytes, destination, source, rowSize, rows, count, scale);
  }

  /** @type {BlockMover['gatherRowsF32']} */
  gatherRowsF32(destination, source, rowSize, rows, count, scale) {
    this.#gather(this.#floats, destination, source / 4, rowSize, rows, count, scale);
  }

  /** @type {BlockMover['gatherRows']} */
  gatherRows(destination, source, rowBytes, rows, count) {
    for (let index = 0; index < count; index++) {
      const row = this.#integers[rows / 4 + index];
      const target = destination + index * rowBytes;
      if (row < 0) this.#bytes.fill(0, target, target + rowBytes);
      else this.copyBytes(target, source + row * rowBytes, rowBytes);
    }
  }

  /**
   * @param {Uint8Array | Float32Array} table
   * @param {number} destination byte offset
   * @param {number} first element of the table's first row
   * @param {number} rowSize
   * @param {number} rows byte offset
   * @param {number} count
   * @param {number} scale
   */
  #gather(table, destination, first, rowSize, rows, count, scale) {
    // A product of two float32 is exact in a double, so that rounding it once is what float32 hardware does.
    const factor = Math.fround(scale);
    for (let index = 0; index < count; index++) {
      const row = this.#integers[rows / 4 + index];
      const target = destination / 4 + index * rowSize;
      for (let value = 0; value < rowSize; value++) {
        this.#floats[target + value] = row < 0 ? 0 : table[first + row * rowSize + value] * factor;
      }
    }
  }
}
