/**
 * Settings of prioritized replay (Schaul et al. 2016, arXiv 1511.05952): a transition is drawn with probability
 * ∝ (|td| + ε)^α and weighted by (N · P)^−β, divided by the largest weight of the batch.
 */
export interface PrioritySettings {
  /** α: 0 is uniform. */
  readonly exponent: number;
  /** β goes linearly from `start` to `end` over the first `duration` training steps. */
  readonly correction: { readonly start: number; readonly end: number; readonly duration: number };
  /** Added to |td|, so that no transition is lost for ever. */
  readonly floor: number;
}
