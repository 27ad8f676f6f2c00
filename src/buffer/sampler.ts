/** Brings a policy's experience from its rings to its trainer. One per policy, owned by its learner; it never waits. */
export interface Sampler {
  /** Draws repeated because a writer had come around; a measure of pressure, not an error. */
  readonly redraws: number;
  /** True once {@link sample} can fill the batch. */
  ready(): boolean;
  /** Fills the batch for the next training step. Allocates nothing. */
  sample(): void;
  /** Up to which position of a ring the last sample has looked. */
  seen(ring: number): number;
  /** Whether what was read from a position on is whole: to be asked after it was read. */
  vouchesFor(ring: number, position: number): boolean;
  /** The training step on that batch is done. What must outlive the thread is then in the working state. */
  learned(): void;
}
