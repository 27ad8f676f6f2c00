import type { RingWindows } from './ring-windows.js';

/**
 * Chooses the rows of a batch. Owned by one `RingSampler`, which reads them and asks again for those that a writer
 * reached meanwhile. What is drawn depends on the random stream, on the heads and claims that `windows` saw and on what
 * was learnt, and every draw takes as much from the random stream as any other.
 */
export interface DrawStrategy {
  readonly windows: RingWindows;
  /** Per place of the batch: the ring and the position drawn for it. */
  readonly rings: Int32Array;
  readonly positions: Int32Array;
  /** Looks what may now be drawn from a ring: before each batch, and again whenever a writer came around. */
  look(ring: number): void;
  /** Draws for place `index` of the batch; false where nothing can be drawn. */
  draw(index: number): boolean;
  /** The batch is whole: writes what of it the strategy alone knows. */
  complete(): void;
  /** The training step on that batch is done. */
  learned(): void;
}
