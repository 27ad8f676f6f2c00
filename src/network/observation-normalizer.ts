import type { Layout } from '../buffer/layout.js';
import type { Kernels } from '../kernels/kernels.js';
import type { ParameterLayout } from './parameter-layout.js';

/** Where the statistics of observations lie. Plain data. */
export interface NormalizerPlan {
  /** Values of one observation. */
  readonly size: number;
  /** Observations stacked to one network input. */
  readonly frames: number;
  /** Places in the parameter block, in floats: mean [size] and 1 ÷ deviation [size], which travel with the weights. */
  readonly mean: number;
  readonly inverse: number;
}

/** Reserves `observation.mean` and `observation.inverse_deviation`. */
export function planNormalizer(layout: ParameterLayout, size: number, frames: number): NormalizerPlan {
  return {
    size,
    frames,
    mean: layout.reserve('observation.mean', [size]),
    inverse: layout.reserve('observation.inverse_deviation', [size]),
  };
}

/** Reserves the running moments in a learner's state: f64 count, mean [size], squared deviations [size]. */
export function planMoments(layout: Layout, { size }: NormalizerPlan): number {
  return layout.reserve((1 + 2 * size) * 8);
}

/** Values that hardly vary would be blown up by the least noise. */
const varianceFloor = 1e-6;
/** Normalised values are kept within ± this, as in VecNormalize of Stable-Baselines3. */
const bound = 10;

/** Brings observations to mean 0 and deviation 1, by statistics that a learner gathers and publishes with its weights. */
export class ObservationNormalizer {
  readonly #plan: NormalizerPlan;
  readonly #kernels: Kernels;

  constructor(plan: NormalizerPlan, kernels: Kernels) {
    this.#plan = plan;
    this.#kernels = kernels;
  }

  /** Forgets what was gathered; observations then pass as they are. */
  initialize(parameters: number, moments: number): void {
    this.#kernels.fillBytes(moments, 0, (1 + 2 * this.#plan.size) * 8);
    this.settle(parameters, moments);
  }

  /** Gathers the newest frame of each of `rows` network inputs, before they are normalised. */
  absorb(moments: number, inputs: number, rows: number): void {
    const { size, frames } = this.#plan;
    const newest = inputs + (frames - 1) * size * 4;
    this.#kernels.absorbMoments(moments, newest, frames * size * 4, rows, size);
  }

  /** Makes what was gathered the statistics of the parameter block at byte `parameters`. */
  settle(parameters: number, moments: number): void {
    const { size, mean, inverse } = this.#plan;
    this.#kernels.settleMoments(parameters + mean * 4, parameters + inverse * 4, moments, size, varianceFloor);
  }

  /** to[rows, frames × size] = the normalised inputs, by the statistics of a parameter block; `to` may be `inputs`. */
  normalize(parameters: number, to: number, inputs: number, rows: number): void {
    const { size, frames, mean, inverse } = this.#plan;
    this.#kernels.normalizeRows(to, inputs, rows, frames, size, parameters + mean * 4, parameters + inverse * 4, bound);
  }
}
