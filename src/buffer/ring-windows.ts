import { advance, distance } from './position.js';
import { batchIsReady, totalRows } from './ring-occupancy.js';
import type { RingPlan } from './ring-plan.js';
import { ringControl, ringControlView, rowsPerClaim } from './ring-plan.js';

/**
 * What may be drawn from each ring of a policy, as its learner last saw it: published rows that no writer is about to
 * reach. Positions of ring r: `firsts[r]` … `heads[r]` − 1, `lengths[r]` of them.
 */
export class RingWindows {
  readonly heads: Int32Array;
  readonly firsts: Int32Array;
  readonly lengths: Int32Array;

  protected readonly plan: RingPlan;
  protected readonly controls: readonly Int32Array[];
  readonly #frames: number;

  /** @param frames that a sample looks back on, its own included */
  constructor(buffer: SharedArrayBuffer, plan: RingPlan, frames: number) {
    this.plan = plan;
    this.controls = Array.from({ length: plan.rings }, (_, ring) => ringControlView(buffer, plan, ring));
    this.#frames = frames;
    this.heads = new Int32Array(plan.rings);
    this.firsts = new Int32Array(plan.rings);
    this.lengths = new Int32Array(plan.rings);
  }

  get areEmpty(): boolean {
    return this.lengths.every(isZero);
  }

  /** See {@link batchIsReady}. */
  holdBatch(batchSize: number, steps: number): boolean {
    return batchIsReady(this.controls, this.plan, batchSize, steps);
  }

  /** Takes note of a ring's head and of the positions that may be drawn from. */
  look(ring: number): void {
    const { plan } = this;
    const head = this.loadHead(ring);
    // The oldest rows are about to be claimed, and frames look back from the first drawn.
    const margin = rowsPerClaim + this.#frames - 1;
    const length = Math.min(totalRows(this.controls[ring], plan, head), plan.capacity - margin);
    this.heads[ring] = head;
    this.firsts[ring] = advance(head, -length, plan.period);
    this.lengths[ring] = length;
  }

  /** The claim of a ring, read after rows were read. */
  loadClaim(ring: number): number {
    // A read-modify-write that changes nothing, not a load: plain loads of the gather may sink below an atomic load on
    // ARM (Boehm 2012), and would then read rows newer than the claim that vouches for them.
    return Atomics.add(this.controls[ring], ringControl.claim, 0);
  }

  /**
   * The first position whose sample the ring's claim vouches for: a sample touches rows from `frames` − 1 before it on. Always
   * as far back as a full stack would reach, whatever the episode: then validity does not depend on the content of rows
   * that may be torn.
   */
  firstWhole(ring: number): number {
    return advance(this.loadClaim(ring), this.#frames - 1 - this.plan.capacity, this.plan.period);
  }

  /** Whether this claim, read after the sample at `position` was, vouches for it. */
  isWhole(position: number, claim: number): boolean {
    return distance(position, claim, this.plan.period) + this.#frames - 1 <= this.plan.capacity;
  }

  /** The head of a ring, as this batch sees it. */
  protected loadHead(ring: number): number {
    return Atomics.load(this.controls[ring], ringControl.head);
  }
}

function isZero(length: number): boolean {
  return length === 0;
}
