import { MarlinError } from '../errors.js';
import type { RandomStream } from '../random.js';
import type { BlockMover } from './block-mover.js';
import { advance, distance } from './position.js';
import { batchIsReady, totalRows } from './ring-occupancy.js';
import type { RingPlan } from './ring-plan.js';
import { ringControl, ringControlView, rowsPerClaim } from './ring-plan.js';
import type { Sampler } from './sampler.js';
import type { TransitionBatch } from './transition-batch.js';
import type { ReaderLists, SamplingRule } from './transition-reader.js';
import { TransitionReader } from './transition-reader.js';

/** Draws in a row that find nothing before the sampler gives up: far beyond what any sane ring needs. */
const attemptLimit = 100_000;

/**
 * The consuming end of a policy's rings: draws uniformly with replacement from all of them and gathers straight into
 * the batch. One sampler per policy, owned by its learner; it never waits and never stops a writer.
 *
 * A sample at position t touches rows t − (frames − 1) … t + m, m ≤ n. Writers may overwrite them meanwhile, so a row
 * counts only if, *after* it was read, no writer had claimed its oldest touched slot again:
 *
 * ```
 *    read rows ──► claim := RMW(claim) ──► oldest touched ≥ claim − capacity ?  keep : draw again
 * ```
 *
 * Every draw is checked twice: once after its flags were read (a decision on torn flags would make the sequence of
 * draws depend on timing), once after its observations were gathered. Each attempt consumes the same random draws, so
 * the heads and claims that were seen determine the batch.
 */
export class RingSampler implements Sampler {
  redraws = 0;

  protected readonly plan: RingPlan;
  protected readonly controls: readonly Int32Array[];

  readonly #batchSize: number;
  readonly #rule: SamplingRule;
  readonly #reader: TransitionReader;
  readonly #random: RandomStream;

  /** Per ring: the head this batch sees, the first position drawn from, and the number of positions to draw from. */
  readonly #heads: Int32Array;
  readonly #firsts: Int32Array;
  readonly #windows: Int32Array;
  /** Sum of the windows. */
  #total = 0;
  /** Per ring: the claim that the gathered rows are held against. */
  readonly #claims: Int32Array;
  /** Per transition of the batch: its ring and its oldest touched position. */
  readonly #rings: Int32Array;
  readonly #oldest: Int32Array;
  readonly #pending: Int32Array;

  constructor(
    buffer: SharedArrayBuffer,
    plan: RingPlan,
    batch: TransitionBatch,
    rule: SamplingRule,
    lists: ReaderLists,
    mover: BlockMover,
    random: RandomStream,
  ) {
    const { size } = batch;
    this.plan = plan;
    this.controls = Array.from({ length: plan.rings }, (_, ring) => ringControlView(buffer, plan, ring));
    this.#batchSize = size;
    this.#rule = rule;
    this.#reader = new TransitionReader(buffer, plan, batch, rule, lists, mover);
    this.#random = random;
    this.#heads = new Int32Array(plan.rings);
    this.#firsts = new Int32Array(plan.rings);
    this.#windows = new Int32Array(plan.rings);
    this.#claims = new Int32Array(plan.rings);
    this.#rings = new Int32Array(size);
    this.#oldest = new Int32Array(size);
    this.#pending = new Int32Array(size);
  }

  /** See {@link batchIsReady}. */
  ready(): boolean {
    return batchIsReady(this.controls, this.plan, this.#batchSize, this.#rule.steps);
  }

  /**
   * Fills the batch. Call only when {@link ready}. Allocates nothing.
   * @throws MarlinError `ERR_NO_ELIGIBLE_ROW` when the rings hold no transition that could be drawn
   */
  sample(): void {
    const size = this.#batchSize;
    for (let ring = 0; ring < this.controls.length; ring++) this.#look(ring);
    for (let index = 0; index < size; index++) this.#draw(index);
    this.#reader.gather(0, size);
    this.#validate();
  }

  learned(): void {
    // Nothing of a uniform draw is kept but the random stream, which the learner saves.
  }

  /** The head of a ring, as this batch sees it. */
  protected loadHead(ring: number): number {
    return Atomics.load(this.controls[ring], ringControl.head);
  }

  /** The claim of a ring, read after rows were read. */
  protected loadClaim(ring: number): number {
    // A read-modify-write that changes nothing, not a load: plain loads of the gather may sink below an atomic load on
    // ARM (Boehm 2012), and would then read rows newer than the claim that vouches for them.
    return Atomics.add(this.controls[ring], ringControl.claim, 0);
  }

  /** Takes note of a ring's head and of the positions that may be drawn from. */
  #look(ring: number): void {
    const { plan } = this;
    const head = this.loadHead(ring);
    // The oldest rows are about to be claimed, and frames look back from the first drawn.
    const margin = rowsPerClaim + this.#rule.frames - 1;
    const window = Math.min(totalRows(this.controls[ring], plan, head), plan.capacity - margin);
    this.#heads[ring] = head;
    this.#total += window - this.#windows[ring];
    this.#firsts[ring] = advance(head, -window, plan.period);
    this.#windows[ring] = window;
  }

  /** Draws positions until one is eligible and valid, and writes all but its observations to the batch. */
  #draw(index: number): void {
    for (let attempt = 0; attempt < attemptLimit; attempt++) {
      if (this.#total === 0) break;
      let offset = this.#random.integer(this.#total);
      let ring = 0;
      while (offset >= this.#windows[ring]) offset -= this.#windows[ring++];
      const position = advance(this.#firsts[ring], offset, this.plan.period);
      const eligible = this.#reader.read(index, ring, position, this.#heads[ring]);
      this.#rings[index] = ring;
      // Always as far back as a full stack would reach, whatever the episode: then validity does not depend on the
      // content of rows that may be torn.
      this.#oldest[index] = advance(position, 1 - this.#rule.frames, this.plan.period);
      if (!this.#isWhole(index, this.loadClaim(ring))) this.#redraw(ring);
      else if (eligible) return;
    }
    throw new MarlinError(
      'ERR_NO_ELIGIBLE_ROW',
      `No transition could be drawn in ${attemptLimit} attempts: the rings may be empty, episodes shorter than the ` +
        `ring can use, or parallel.bufferCapacity (${this.plan.capacity}) too small for the speed of the actor.`,
    );
  }

  /** Redraws every gathered transition that a writer reached meanwhile, until all are whole. */
  #validate(): void {
    for (let index = 0; index < this.#batchSize; index++) this.#pending[index] = index;
    let pending = this.#keepTorn(this.#batchSize);
    while (pending > 0) {
      for (let entry = 0; entry < pending; entry++) {
        const index = this.#pending[entry];
        this.#redraw(this.#rings[index]);
        this.#draw(index);
        this.#reader.gather(index, 1);
      }
      pending = this.#keepTorn(pending);
    }
  }

  /** Keeps in the pending list only what is torn. Transitions that were whole once stay whole: they were copied. */
  #keepTorn(count: number): number {
    for (let ring = 0; ring < this.#claims.length; ring++) this.#claims[ring] = this.loadClaim(ring);
    let kept = 0;
    for (let entry = 0; entry < count; entry++) {
      const index = this.#pending[entry];
      if (!this.#isWhole(index, this.#claims[this.#rings[index]])) this.#pending[kept++] = index;
    }
    return kept;
  }

  #isWhole(index: number, claim: number): boolean {
    return distance(this.#oldest[index], claim, this.plan.period) <= this.plan.capacity;
  }

  /** A writer came around: count it, and look again, for the whole window may have passed. */
  #redraw(ring: number): void {
    this.redraws++;
    this.#look(ring);
  }
}
