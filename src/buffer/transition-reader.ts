import type { BlockMover } from './block-mover.js';
import type { Layout } from './layout.js';
import type { RingPlan } from './ring-plan.js';
import { rowFlags } from './ring-plan.js';
import type { TransitionBatch } from './transition-batch.js';
import { TransitionSpan } from './transition-span.js';

/** How rows become n-step transitions of stacked observations. */
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

/** Byte offsets of the reader's own lists: row numbers of the frames to gather, i32 [batch, frames] each. */
export interface ReaderLists {
  readonly observationRows: number;
  readonly nextObservationRows: number;
  readonly legalRows: number;
}

export function planReaderLists(layout: Layout, batchSize: number, frames: number): ReaderLists {
  return {
    observationRows: layout.reserve(batchSize * frames * 4),
    nextObservationRows: layout.reserve(batchSize * frames * 4),
    legalRows: layout.reserve(batchSize * 4),
  };
}

/**
 * Puts n-step transitions of stacked observations together from the rows of a policy's rings, straight into a batch.
 * Knows nothing of writers: what it reads may be torn, and the sampler that calls it finds out.
 */
export class TransitionReader {
  readonly #plan: RingPlan;
  readonly #batch: TransitionBatch;
  readonly #rule: SamplingRule;
  readonly #mover: BlockMover;
  readonly #lists: ReaderLists;
  readonly #span: TransitionSpan;

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

  constructor(
    buffer: SharedArrayBuffer,
    plan: RingPlan,
    batch: TransitionBatch,
    rule: SamplingRule,
    lists: ReaderLists,
    mover: BlockMover,
  ) {
    const rows = plan.rings * plan.capacity;
    const { size } = batch;
    this.#plan = plan;
    this.#batch = batch;
    this.#rule = rule;
    this.#mover = mover;
    this.#lists = lists;
    this.#span = new TransitionSpan(buffer, plan, rule.steps);
    this.#ringActions = new Int32Array(buffer, plan.action, rows * plan.actionSize);
    this.#ringRewards = new Float32Array(buffer, plan.reward, rows);
    this.#ringEpisodeSteps = new Int32Array(buffer, plan.episodeStep, rows);
    this.#ringFlags = new Uint8Array(buffer, plan.flags, rows);
    this.#observationRows = new Int32Array(buffer, lists.observationRows, size * rule.frames);
    this.#nextObservationRows = new Int32Array(buffer, lists.nextObservationRows, size * rule.frames);
    this.#legalRows = new Int32Array(buffer, lists.legalRows, size);
    this.#actions = new Int32Array(buffer, batch.action, size * batch.actionSize);
    this.#returns = new Float32Array(buffer, batch.nStepReturn, size);
    this.#discounts = new Float32Array(buffer, batch.bootstrapDiscount, size);
    this.#weights = new Float32Array(buffer, batch.weight, size);
  }

  /**
   * Reads everything but the observations of the transition at `position` into place `index` of the batch.
   * @param head the first position that is not published
   * @returns false when the row is not eligible: a boundary row, or one whose successors are not published
   */
  read(index: number, ring: number, position: number, head: number): boolean {
    const taken = this.#span.at(ring, position, head);
    if (taken <= 0) return false;
    const plan = this.#plan;
    const { discount } = this.#rule;
    const { capacity } = plan;
    const firstRow = ring * capacity;
    const slot = position % capacity;
    let nStepReturn = 0;
    let factor = 1;
    let next = slot;
    let last = slot;
    for (let step = 0; step < taken; step++) {
      nStepReturn += factor * this.#ringRewards[firstRow + next];
      factor *= discount;
      last = next;
      next = next + 1 === capacity ? 0 : next + 1;
    }
    const flags = this.#ringFlags[firstRow + last];
    const episodeStep = this.#ringEpisodeSteps[firstRow + slot];
    const { actionSize } = plan;
    for (let word = 0; word < actionSize; word++) {
      this.#actions[index * actionSize + word] = this.#ringActions[(firstRow + slot) * actionSize + word];
    }
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
    const { capacity } = this.#plan;
    for (let frame = 0; frame < frames; frame++) {
      const back = frames - 1 - frame;
      const frameSlot = slot >= back ? slot - back : slot - back + capacity;
      rows[index * frames + frame] = back <= episodeStep ? firstRow + frameSlot : -1;
    }
  }

  /** Gathers the observations of `count` transitions from index `first` on. */
  gather(first: number, count: number): void {
    const { frames, observationScale } = this.#rule;
    const plan = this.#plan;
    const batch = this.#batch;
    const list = first * frames * 4;
    const target = first * frames * plan.observationSize * 4;
    const rows = this.#lists.observationRows + list;
    const nextRows = this.#lists.nextObservationRows + list;
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
      const legalRows = this.#lists.legalRows + first * 4;
      const legal = batch.nextLegal + first * plan.maskSize;
      this.#mover.gatherRows(legal, plan.legal, plan.maskSize, legalRows, count);
    }
  }
}
