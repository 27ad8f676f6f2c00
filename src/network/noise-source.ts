import type { Layout } from '../buffer/layout.js';
import { randomStateBytes } from '../kernels/kernels.js';
import type { Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';

/** Random numbers for a network, written where its kernels read them. Writing allocates nothing. */
export interface NoiseSource {
  /** f32 [count] at byte `offset`, from U[0, 1). */
  uniform(offset: number, count: number): void;
  /** f32 [count] at byte `offset`, from the standard normal distribution. */
  gaussian(offset: number, count: number): void;
}

/** Reserves the state of a {@link NoiseGenerator}: part of what a learner needs to go on. */
export function planNoiseGenerator(layout: Layout): number {
  return layout.reserve(randomStateBytes);
}

/** Numbers drawn by the kernels from a state in memory: a learner that goes on from its state draws the same. */
export class NoiseGenerator implements NoiseSource {
  readonly #kernels: Kernels;
  readonly #state: number;

  /** @param state byte offset from {@link planNoiseGenerator} */
  constructor(kernels: Kernels, state: number) {
    this.#kernels = kernels;
    this.#state = state;
  }

  /** Takes four draws from `random`. Allocates nothing. */
  initialize(random: RandomStream): void {
    // A generator must not start from zeros alone.
    this.#kernels.seedRandom(this.#state, random.word() | 1, random.word(), random.word(), random.word());
  }

  uniform(offset: number, count: number): void {
    this.#kernels.drawUniform(offset, count, this.#state);
  }

  gaussian(offset: number, count: number): void {
    this.#kernels.drawGaussian(offset, count, this.#state);
  }
}
