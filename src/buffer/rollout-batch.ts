import type { Layout } from './layout.js';
import type { RingField } from './ring-plan.js';

/**
 * Where a rollout lies in policy memory: byte offsets, filled by the rollout sampler, read by a trainer. The steps of one
 * ring follow each other in time; ring follows ring.
 */
export interface RolloutBatch {
  readonly kind: 'rollout';
  /** Steps of one ring. */
  readonly turns: number;
  readonly rings: number;
  /** turns × rings */
  readonly size: number;
  /** Values of one stacked observation: frames × observation size, oldest frame first. */
  readonly observationSize: number;
  /** 32-bit words of one action. */
  readonly actionSize: number;
  /** Entries of a mask. */
  readonly maskSize: number;
  /** f32 [size, observationSize] */
  readonly observation: number;
  /** i32 or f32 [size, actionSize] */
  readonly action: number;
  /** f32 [size] */
  readonly reward: number;
  /** u8 [size]: see {@link rolloutEnd}. */
  readonly end: number;
  /** u8 [size, maskSize]: legal actions at `observation`; undefined where the environment masks nothing. */
  readonly legal: number | undefined;
  /** i32 [size]: where a step was cut, the row of its successor in `cutObservation`; −1 elsewhere. */
  readonly cutRow: number;
  /** f32 [size, observationSize], of which `cutCount` rows are filled. */
  readonly cutObservation: number;
  /** i32 [1] */
  readonly cutCount: number;
  /** f64 [1]: deviation of discounted returns, where the sampler tracks them. */
  readonly returnDeviation: number;
  /** [size, field size] of each ring field, in the order in which the algorithm declared them. */
  readonly fields: readonly number[];
}

/** What follows a step of a rollout. */
export const rolloutEnd = {
  /** The next step of the same episode. */
  none: 0,
  /** Nothing: the episode terminated, and the value behind it is 0. */
  terminated: 1,
  /** A state whose value counts, but whose steps are not here: truncated, or the end of the rollout. */
  cut: 2,
} as const;

export function planRolloutBatch(
  layout: Layout,
  sizes: Pick<RolloutBatch, 'turns' | 'rings' | 'observationSize' | 'actionSize' | 'maskSize'>,
  hasActionMask: boolean,
  fields: readonly RingField[],
): RolloutBatch {
  const size = sizes.turns * sizes.rings;
  return {
    kind: 'rollout',
    ...sizes,
    size,
    observation: layout.reserve(size * sizes.observationSize * 4),
    action: layout.reserve(size * sizes.actionSize * 4),
    reward: layout.reserve(size * 4),
    end: layout.reserve(size),
    legal: hasActionMask ? layout.reserve(size * sizes.maskSize) : undefined,
    cutRow: layout.reserve(size * 4),
    cutObservation: layout.reserve(size * sizes.observationSize * 4),
    cutCount: layout.reserve(4),
    returnDeviation: layout.reserve(8),
    fields: fields.map((field) => layout.reserve(size * field.size * (field.dtype === 'u8' ? 1 : 4))),
  };
}
