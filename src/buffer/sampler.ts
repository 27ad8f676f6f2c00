/** Brings a policy's experience from its rings to its trainer. One per policy, owned by its learner; it never waits. */
export interface Sampler {
  /** Draws repeated because a writer had come around; a measure of pressure, not an error. */
  readonly redraws: number;
  /** True once {@link sample} can fill the batch. */
  ready(): boolean;
  /** Fills the batch for the next training step. Allocates nothing. */
  sample(): void;
  /** The training step on that batch is done. What must outlive the thread is then in the working state. */
  learned(): void;
}
