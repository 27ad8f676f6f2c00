import type { Layout } from './layout.js';

/** Where a batch of n-step transitions lies in policy memory: byte offsets, filled by the sampler, read by a trainer. */
export interface TransitionBatch {
  readonly kind: 'replay';
  /** Transitions in the batch. */
  readonly size: number;
  /** Values of one stacked observation: frames × observation size, oldest frame first. */
  readonly observationSize: number;
  /** 32-bit words of one action. */
  readonly actionSize: number;
  /** Entries of a mask; row length of `nextLegal`. */
  readonly maskSize: number;
  /** f32 [size, observationSize] */
  readonly observation: number;
  /** f32 [size, observationSize]: the observation after m steps, m ≤ n. */
  readonly nextObservation: number;
  /** i32 or (box) f32 [size, actionSize] */
  readonly action: number;
  /** f32 [size]: Σ_{k<m} γᵏ r_{t+k} */
  readonly nStepReturn: number;
  /** f32 [size]: γᵐ, or 0 where the episode terminated: the factor of the bootstrap value. */
  readonly bootstrapDiscount: number;
  /** f32 [size]: importance weight of the transition, 1 unless the sampler says otherwise. */
  readonly weight: number;
  /** f32 [size]: the td error that a trainer leaves, or what else of which the magnitude sets priorities. */
  readonly priority: number;
  /** f64 [1]: deviation of discounted returns, where the sampler tracks them. */
  readonly returnDeviation: number;
  /** u8 [size, maskSize]: legal actions at `nextObservation`; undefined where the environment masks nothing. */
  readonly nextLegal: number | undefined;
}

export function planTransitionBatch(
  layout: Layout,
  size: number,
  observationSize: number,
  actionSize: number,
  maskSize: number,
  hasActionMask: boolean,
): TransitionBatch {
  return {
    kind: 'replay',
    size,
    observationSize,
    actionSize,
    maskSize,
    observation: layout.reserve(size * observationSize * 4),
    nextObservation: layout.reserve(size * observationSize * 4),
    action: layout.reserve(size * actionSize * 4),
    nStepReturn: layout.reserve(size * 4),
    bootstrapDiscount: layout.reserve(size * 4),
    weight: layout.reserve(size * 4),
    priority: layout.reserve(size * 4),
    returnDeviation: layout.reserve(8),
    nextLegal: hasActionMask ? layout.reserve(size * maskSize) : undefined,
  };
}
