import { advance, distance } from './position.js';
import type { RingPlan } from './ring-plan.js';
import { rowFlags } from './ring-plan.js';
import type { Sampler } from './sampler.js';

/** f64 values of a tracker's state: count, mean and squared deviations of returns, then the running return per ring. */
export function returnTrackerBytes(rings: number): number {
  return (3 + rings) * 8 + rings * 4;
}

/** Sets the state of a tracker that has seen nothing. */
export function initializeReturnTracker(buffer: SharedArrayBuffer, plan: RingPlan, state: number): void {
  new Float64Array(buffer, state, 3 + plan.rings).fill(0);
  new Int32Array(buffer, state + (3 + plan.rings) * 8, plan.rings).fill(plan.startPosition);
}

/**
 * Follows the rewards of a policy's rings in the order in which they came, and keeps the deviation of the discounted
 * return Gₜ = γ Gₜ₋₁ + rₜ within each episode: what rewards are divided by to be normalised (VecNormalize of
 * Stable-Baselines3 does the same). Its state lies in the learner's, so that it is committed with it.
 */
export class ReturnTracker {
  readonly #plan: RingPlan;
  readonly #discount: number;
  readonly #rewards: Float32Array;
  readonly #steps: Int32Array;
  readonly #flags: Uint8Array;
  /** count, mean, squared deviations, then the running return of each ring. */
  readonly #state: Float64Array;
  readonly #positions: Int32Array;
  readonly #deviation: Float64Array;
  readonly #before: Float64Array;

  /**
   * @param state byte offset of {@link returnTrackerBytes}
   * @param deviation byte offset of f64 [1], where the deviation is kept for a trainer
   */
  constructor(buffer: SharedArrayBuffer, plan: RingPlan, discount: number, state: number, deviation: number) {
    const rows = plan.rings * plan.capacity;
    this.#plan = plan;
    this.#discount = discount;
    this.#rewards = new Float32Array(buffer, plan.reward, rows);
    this.#steps = new Int32Array(buffer, plan.episodeStep, rows);
    this.#flags = new Uint8Array(buffer, plan.flags, rows);
    this.#state = new Float64Array(buffer, state, 3 + plan.rings);
    this.#positions = new Int32Array(buffer, state + (3 + plan.rings) * 8, plan.rings);
    this.#deviation = new Float64Array(buffer, deviation, 1);
    this.#before = new Float64Array(this.#state.length);
    this.#settle();
  }

  /** Takes in every step since the last time, as far as the sampler has looked. Allocates nothing. */
  follow(sampler: Pick<Sampler, 'seen' | 'vouchesFor'>): void {
    for (let ring = 0; ring < this.#plan.rings; ring++) this.#followRing(ring, sampler);
    this.#settle();
  }

  #followRing(ring: number, sampler: Pick<Sampler, 'seen' | 'vouchesFor'>): void {
    const { capacity, period } = this.#plan;
    const head = sampler.seen(ring);
    const start = this.#positions[ring];
    this.#before.set(this.#state);
    // A learner that fell a whole ring behind takes up what is left of it.
    const oldest = distance(start, head, period) > capacity ? advance(head, -(capacity >> 1), period) : start;
    for (let position = oldest; position !== head; position = advance(position, 1, period)) {
      this.#take(ring, ring * capacity + (position % capacity));
    }
    this.#positions[ring] = head;
    // Overwritten meanwhile, they count for nothing.
    if (!sampler.vouchesFor(ring, oldest)) this.#state.set(this.#before);
  }

  #take(ring: number, row: number): void {
    if ((this.#flags[row] & rowFlags.boundary) !== 0) return;
    const state = this.#state;
    const running = this.#steps[row] === 0 ? 0 : state[3 + ring];
    const sum = this.#discount * running + this.#rewards[row];
    state[3 + ring] = sum;
    state[0]++;
    const difference = sum - state[1];
    state[1] += difference / state[0];
    state[2] += difference * (sum - state[1]);
  }

  #settle(): void {
    const count = this.#state[0];
    const squares = this.#state[2];
    const deviation = count < 2 ? 1 : Math.sqrt(squares / count);
    this.#deviation[0] = deviation > 1e-4 ? deviation : 1;
  }
}
