import { distance } from './position.js';
import type { RingPlan } from './ring-plan.js';
import { rowFlags } from './ring-plan.js';

/** A row from which no transition begins: its successors are not published yet, or there will never be one. */
export const noSpan = { yet: 0, ever: -1 } as const;

/**
 * How far the transition reaches that begins at a row: m steps, m ≤ n, fewer than n where its episode ends before.
 * Knows nothing of writers: what it reads may be torn, and the sampler that asks finds out.
 */
export class TransitionSpan {
  readonly #capacity: number;
  readonly #period: number;
  readonly #steps: number;
  readonly #flags: Uint8Array;
  readonly #episodeSteps: Int32Array;

  /** @param steps n of the n-step return */
  constructor(buffer: SharedArrayBuffer, plan: RingPlan, steps: number) {
    const rows = plan.rings * plan.capacity;
    this.#capacity = plan.capacity;
    this.#period = plan.period;
    this.#steps = steps;
    this.#flags = new Uint8Array(buffer, plan.flags, rows);
    this.#episodeSteps = new Int32Array(buffer, plan.episodeStep, rows);
  }

  /**
   * The m of the transition at `position`, or one of {@link noSpan}.
   * @param head the first position that is not published
   */
  at(ring: number, position: number, head: number): number {
    const capacity = this.#capacity;
    const firstRow = ring * capacity;
    const slot = position % capacity;
    if ((this.#flags[firstRow + slot] & rowFlags.boundary) !== 0) return noSpan.ever;
    const published = distance(position, head, this.#period);
    let next = slot;
    let taken = 0;
    let flags = 0;
    while (taken < this.#steps && flags === 0) {
      if (taken >= published) return noSpan.yet;
      flags = this.#flags[firstRow + next];
      next = next + 1 === capacity ? 0 : next + 1;
      taken++;
    }
    if (taken >= published) return noSpan.yet;
    // An episode without an end was left by a writer that died: what follows belongs to another one.
    const follows = this.#episodeSteps[firstRow + next] === this.#episodeSteps[firstRow + slot] + taken;
    return follows ? taken : noSpan.ever;
  }
}
