import { MarlinError } from '../errors.js';
import type { RandomStream } from '../random.js';
import type { BlockMover } from './block-mover.js';
import type { Layout } from './layout.js';
import { advance, distance } from './position.js';
import type { RingPlan } from './ring-plan.js';
import { ringControl, ringControlView, rowFlags, rowsPerClaim, totalRows } from './ring-plan.js';
import type { TransitionBatch } from './transition-batch.js';

/** How the sampler turns rows into n-step transitions of stacked observations. */
export interface SamplingRule {
  /** Frames of a stacked observation. */
  readonly frames: number;
  /** n: rewards summed before bootstrapping; fewer where the episode ends earlier. */
  readonly steps: number;
  /** γ, per step. */
  readonly discount: number;
  /** Factor applied to observation values. */
  readonly observationScale: number;
}

/** Draws in a row that find nothing before the sampler gives up: far beyond what any sane ring needs. */
const attemptLimit = 100_000;

/** Byte offsets of the sampler's own lists: row numbers of the frames to gather, i32 [batch, frames] each. */
export interface SamplerScratch {
  readonly observationRows: number;
  readonly nextObservationRows: number;
  readonly legalRows: number;
}

export function planSamplerScratch(layout: Layout, batchSize: number, frames: number): SamplerScratch {
  return {
    observationRows: layout.reserve(batchSize * frames * 4),
    nextObservationRows: layout.reserve(batchSize * frames * 4),
    legalRows: layout.reserve(batchSize * 4),
  };
}

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
export class RingSampler {
  /** Draws repeated because a writer had come around; a measure of pressure, not an error. */
  redraws = 0;

  protected readonly plan: RingPlan;
  protected readonly controls: readonly Int32Array[];

  readonly #batch: TransitionBatch;
  readonly #rule: SamplingRule;
  readonly #mover: BlockMover;
  readonly #random: RandomStream;
  readonly #scratch: SamplerScratch;

  readonly #ringActions: Int32Array;
  readonly #ringRewards: Float32Array;
  readonly #ringEpisodeSteps: Int32Array;
  readonly #ringFlags: Uint8Array;
  readonly #observationRows: Int32Array;
  readonly #nextObservationRows: Int32Array;
  readonly #legalRows: Int32Array;
  readonly #actions: Int32Array;
  readonly #returns: Float32Array;
  readonly #discounts: Float32Array;
  readonly #weights: Float32Array;

  /** Per ring: the head this batch sees, the first position drawn from, and the number of positions to draw from. */
  readonly #heads: Int32Array;
  readonly #firsts: Int32Array;
  readonly #windows: Int32Array;
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
    scratch: SamplerScratch,
    mover: BlockMover,
    random: RandomStream,
  ) {
    const rows = plan.rings * plan.capacity;
    const { size } = batch;
    this.plan = plan;
    this.controls = Array.from({ length: plan.rings }, (_, ring) => ringControlView(buffer, plan, ring));
    this.#batch = batch;
    this.#rule = rule;
    this.#mover = mover;
    this.#random = random;
    this.#scratch = scratch;
    this.#ringActions = new Int32Array(buffer, plan.action, rows);
    this.#ringRewards = new Float32Array(buffer, plan.reward, rows);
    this.#ringEpisodeSteps = new Int32Array(buffer, plan.episodeStep, rows);
    this.#ringFlags = new Uint8Array(buffer, plan.flags, rows);
    this.#observationRows = new Int32Array(buffer, scratch.observationRows, size * rule.frames);
    this.#nextObservationRows = new Int32Array(buffer, scratch.nextObservationRows, size * rule.frames);
    this.#legalRows = new Int32Array(buffer, scratch.legalRows, size);
    this.#actions = new Int32Array(buffer, batch.action, size);
    this.#returns = new Float32Array(buffer, batch.nStepReturn, size);
    this.#discounts = new Float32Array(buffer, batch.bootstrapDiscount, size);
    this.#weights = new Float32Array(buffer, batch.weight, size);
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
    return batchIsReady(this.controls, this.plan, this.#batch.size, this.#rule.steps);
  }

  /**
   * Fills the batch. Call only when {@link ready}. Allocates nothing.
   * @throws MarlinError `ERR_NO_ELIGIBLE_ROW` when the rings hold no transition that could be drawn
   */
  sample(): void {
    const { size } = this.#batch;
    for (let ring = 0; ring < this.controls.length; ring++) this.#look(ring);
    for (let index = 0; index < size; index++) this.#draw(index);
    this.#gather(0, size);
    this.#validate();
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
    this.#firsts[ring] = advance(head, -window, plan.period);
    this.#windows[ring] = window;
  }

  /** Draws positions until one is eligible and valid, and writes all but its observations to the batch. */
  #draw(index: number): void {
    for (let attempt = 0; attempt < attemptLimit; attempt++) {
      let total = 0;
      for (let ring = 0; ring < this.#windows.length; ring++) total += this.#windows[ring];
      if (total === 0) break;
      let offset = this.#random.integer(total);
      let ring = 0;
      while (offset >= this.#windows[ring]) offset -= this.#windows[ring++];
      const position = advance(this.#firsts[ring], offset, this.plan.period);
      const eligible = this.#read(index, ring, position);
      if (!this.#isWhole(index, this.loadClaim(ring))) this.#redraw(ring);
      else if (eligible) return;
    }
    throw new MarlinError(
      'ERR_NO_ELIGIBLE_ROW',
      `No transition could be drawn in ${attemptLimit} attempts: the rings may be empty, episodes shorter than the ` +
        `ring can use, or parallel.bufferCapacity (${this.plan.capacity}) too small for the speed of the actor.`,
    );
  }

  /** Reads everything but the observations of one transition; false when the row is not eligible. */
  #read(index: number, ring: number, position: number): boolean {
    const { plan } = this;
    const { frames, steps, discount } = this.#rule;
    const { capacity } = plan;
    const firstRow = ring * capacity;
    const slot = position % capacity;
    this.#rings[index] = ring;
    // Always as far back as a full stack would reach, whatever the episode: then validity does not depend on the
    // content of rows that may be torn.
    this.#oldest[index] = advance(position, 1 - frames, plan.period);
    if ((this.#ringFlags[firstRow + slot] & rowFlags.boundary) !== 0) return false;

    const published = distance(position, this.#heads[ring], plan.period);
    let nStepReturn = 0;
    let factor = 1;
    let last = slot;
    let flags = 0;
    let taken = 0;
    while (taken < steps && flags === 0) {
      if (taken >= published) return false;
      last = wrapSlot(slot + taken, capacity);
      nStepReturn += factor * this.#ringRewards[firstRow + last];
      flags = this.#ringFlags[firstRow + last];
      factor *= discount;
      taken++;
    }
    if (taken >= published) return false;
    const next = wrapSlot(last + 1, capacity);
    const episodeStep = this.#ringEpisodeSteps[firstRow + slot];
    // An episode without an end was left by a writer that died: what follows belongs to another one.
    if (this.#ringEpisodeSteps[firstRow + next] !== episodeStep + taken) return false;
    this.#actions[index] = this.#ringActions[firstRow + slot];
    this.#returns[index] = nStepReturn;
    this.#discounts[index] = (flags & rowFlags.terminated) !== 0 ? 0 : factor;
    this.#weights[index] = 1;
    this.#legalRows[index] = firstRow + next;
    this.#stack(this.#observationRows, index, firstRow, slot, episodeStep);
    this.#stack(this.#nextObservationRows, index, firstRow, next, episodeStep + taken);
    return true;
  }

  /** Lists the rows of a stacked observation, oldest first; −1 (zeros) before the first of the episode. */
  #stack(rows: Int32Array, index: number, firstRow: number, slot: number, episodeStep: number): void {
    const { frames } = this.#rule;
    const { capacity } = this.plan;
    for (let frame = 0; frame < frames; frame++) {
      const back = frames - 1 - frame;
      const frameSlot = slot >= back ? slot - back : slot - back + capacity;
      rows[index * frames + frame] = back <= episodeStep ? firstRow + frameSlot : -1;
    }
  }

  /** Gathers the observations of `count` transitions from index `first` on. */
  #gather(first: number, count: number): void {
    const { frames, observationScale } = this.#rule;
    const { plan } = this;
    const batch = this.#batch;
    const list = first * frames * 4;
    const target = first * frames * plan.observationSize * 4;
    const rows = this.#scratch.observationRows + list;
    const nextRows = this.#scratch.nextObservationRows + list;
    const observation = batch.observation + target;
    const next = batch.nextObservation + target;
    const values = plan.observationSize;
    if (plan.observationDtype === 'u8') {
      this.#mover.gatherRowsU8ToF32(observation, plan.observation, values, rows, count * frames, observationScale);
      this.#mover.gatherRowsU8ToF32(next, plan.observation, values, nextRows, count * frames, observationScale);
    } else {
      this.#mover.gatherRowsF32(observation, plan.observation, values, rows, count * frames, observationScale);
      this.#mover.gatherRowsF32(next, plan.observation, values, nextRows, count * frames, observationScale);
    }
    if (plan.legal !== undefined && batch.nextLegal !== undefined) {
      const legalRows = this.#scratch.legalRows + first * 4;
      const legal = batch.nextLegal + first * plan.actionCount;
      this.#mover.gatherRows(legal, plan.legal, plan.actionCount, legalRows, count);
    }
  }

  /** Redraws every gathered transition that a writer reached meanwhile, until all are whole. */
  #validate(): void {
    for (let index = 0; index < this.#batch.size; index++) this.#pending[index] = index;
    let pending = this.#keepTorn(this.#batch.size);
    while (pending > 0) {
      for (let entry = 0; entry < pending; entry++) {
        const index = this.#pending[entry];
        this.#redraw(this.#rings[index]);
        this.#draw(index);
        this.#gather(index, 1);
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

function wrapSlot(slot: number, capacity: number): number {
  return slot >= capacity ? slot - capacity : slot;
}

/**
 * True once the rings hold enough rows for a first batch: as many as the batch, beyond the n of each ring that may still
 * lack their successors. Actors ask the same before they wait for a learner, who could otherwise be waiting for them.
 */
export function batchIsReady(
  controls: readonly Int32Array[],
  plan: RingPlan,
  batchSize: number,
  steps: number,
): boolean {
  let rows = 0;
  for (let ring = 0; ring < controls.length; ring++) {
    rows += Math.max(0, publishedRows(controls[ring], plan) - steps);
  }
  return rows >= batchSize;
}

/** Rows that a ring holds and has published, at most its capacity. */
export function publishedRows(control: Int32Array, plan: RingPlan): number {
  return Math.min(plan.capacity, totalRows(control, plan, Atomics.load(control, ringControl.head)));
}
