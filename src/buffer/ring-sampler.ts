import { MarlinError } from '../errors.js';
import type { BlockMover } from './block-mover.js';
import type { DrawStrategy } from './draw-strategy.js';
import type { RingPlan } from './ring-plan.js';
import type { Sampler } from './sampler.js';
import type { TransitionBatch } from './transition-batch.js';
import type { ReaderLists, SamplingRule } from './transition-reader.js';
import { TransitionReader } from './transition-reader.js';

/** Draws in a row that find nothing before the sampler gives up: far beyond what any sane ring needs. */
const attemptLimit = 100_000;

/**
 * The consuming end of a policy's rings: draws from all of them as its strategy says and gathers straight into the
 * batch. One sampler per policy, owned by its learner; it never waits and never stops a writer.
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

  readonly #plan: RingPlan;
  readonly #batchSize: number;
  readonly #steps: number;
  readonly #reader: TransitionReader;
  readonly #strategy: DrawStrategy;
  /** Per ring: the claim that the gathered rows are held against. */
  readonly #claims: Int32Array;
  readonly #pending: Int32Array;

  constructor(
    buffer: SharedArrayBuffer,
    plan: RingPlan,
    batch: TransitionBatch,
    rule: SamplingRule,
    lists: ReaderLists,
    mover: BlockMover,
    strategy: DrawStrategy,
  ) {
    this.#plan = plan;
    this.#batchSize = batch.size;
    this.#steps = rule.steps;
    this.#reader = new TransitionReader(buffer, plan, batch, rule, lists, mover);
    this.#strategy = strategy;
    this.#claims = new Int32Array(plan.rings);
    this.#pending = new Int32Array(batch.size);
  }

  /** True once the rings hold enough rows for a first batch. */
  ready(): boolean {
    return this.#strategy.windows.holdBatch(this.#batchSize, this.#steps);
  }

  /**
   * Fills the batch. Call only when {@link ready}. Allocates nothing.
   * @throws MarlinError `ERR_NO_ELIGIBLE_ROW` when the rings hold no transition that could be drawn
   */
  sample(): void {
    const size = this.#batchSize;
    this.#lookAtAll();
    for (let index = 0; index < size; index++) this.#draw(index);
    this.#reader.gather(0, size);
    this.#validate();
    this.#strategy.complete();
  }

  learned(): void {
    this.#strategy.learned();
  }

  seen(ring: number): number {
    return this.#strategy.windows.heads[ring];
  }

  vouchesFor(ring: number, position: number): boolean {
    const { windows } = this.#strategy;
    return windows.isWhole(position, windows.loadClaim(ring));
  }

  #lookAtAll(): void {
    for (let ring = 0; ring < this.#claims.length; ring++) this.#strategy.look(ring);
  }

  /** Draws positions until one is eligible and valid, and writes all but its observations to the batch. */
  #draw(index: number): void {
    const { windows, rings, positions } = this.#strategy;
    for (let attempt = 0; attempt < attemptLimit; attempt++) {
      if (!this.#strategy.draw(index)) {
        if (windows.areEmpty) break;
        // Writers came around all rings while they were looked at.
        this.redraws++;
        this.#lookAtAll();
        continue;
      }
      const ring = rings[index];
      const eligible = this.#reader.read(index, ring, positions[index], windows.heads[ring]);
      if (!windows.isWhole(positions[index], windows.loadClaim(ring))) this.#redraw(ring);
      else if (eligible) return;
    }
    throw new MarlinError(
      'ERR_NO_ELIGIBLE_ROW',
      `No transition could be drawn in ${attemptLimit} attempts: the rings may be empty, episodes shorter than the ` +
        `ring can use, or parallel.bufferCapacity (${this.#plan.capacity}) too small for the speed of the actor.`,
    );
  }

  /** Redraws every gathered transition that a writer reached meanwhile, until all are whole. */
  #validate(): void {
    for (let index = 0; index < this.#batchSize; index++) this.#pending[index] = index;
    let pending = this.#keepTorn(this.#batchSize);
    while (pending > 0) {
      for (let entry = 0; entry < pending; entry++) {
        const index = this.#pending[entry];
        this.#redraw(this.#strategy.rings[index]);
        this.#draw(index);
        this.#reader.gather(index, 1);
      }
      pending = this.#keepTorn(pending);
    }
  }

  /** Keeps in the pending list only what is torn. Transitions that were whole once stay whole: they were copied. */
  #keepTorn(count: number): number {
    const { windows, rings, positions } = this.#strategy;
    for (let ring = 0; ring < this.#claims.length; ring++) this.#claims[ring] = windows.loadClaim(ring);
    let kept = 0;
    for (let entry = 0; entry < count; entry++) {
      const index = this.#pending[entry];
      if (!windows.isWhole(positions[index], this.#claims[rings[index]])) this.#pending[kept++] = index;
    }
    return kept;
  }

  /** A writer came around: count it, and look again, for the whole window may have passed. */
  #redraw(ring: number): void {
    this.redraws++;
    this.#strategy.look(ring);
  }
}
