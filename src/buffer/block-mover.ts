/**
 * Moves bytes inside one shared memory. The kernels implement it; a test may use a plain one. All arguments are byte
 * offsets and counts.
 */
export interface BlockMover {
  /** Copies `bytes` from `source` to `destination`; the two do not overlap. */
  copyBytes(destination: number, source: number, bytes: number): void;
  /**
   * Reads `count` row numbers (i32) at `rows`, and writes those rows of the table at `source` one after another to
   * `destination`, as f32, each value times `scale`. Row −1 is written as zeros.
   * @param rowSize values per row
   */
  gatherRowsU8ToF32(
    destination: number,
    source: number,
    rowSize: number,
    rows: number,
    count: number,
    scale: number,
  ): void;
  /** The same from rows of f32. */
  gatherRowsF32(destination: number, source: number, rowSize: number, rows: number, count: number, scale: number): void;
  /** The same for rows of `rowBytes` bytes of anything, copied as they are. */
  gatherRows(destination: number, source: number, rowBytes: number, rows: number, count: number): void;
}
