import { MarlinError } from '../errors.js';
import type { RandomStream } from '../random.js';
import type { DrawStrategy } from './draw-strategy.js';
import { advance, distance } from './position.js';
import type { PriorityKernels, PriorityLists, PrioritySettings, PriorityState } from './priority-plan.js';
import type { RingPlan } from './ring-plan.js';
import type { RingWindows } from './ring-windows.js';
import { SumTree, sumTreeLeaves, sumTreeNodes } from './sum-tree.js';
import type { TransitionBatch } from './transition-batch.js';
import { noSpan, TransitionSpan } from './transition-span.js';

/** What a prioritized draw is made of. */
export interface PrioritizedDrawParts {
  readonly buffer: SharedArrayBuffer;
  readonly plan: RingPlan;
  readonly batch: TransitionBatch;
  /** n of the n-step return. */
  readonly steps: number;
  readonly settings: PrioritySettings;
  readonly state: PriorityState;
  readonly lists: PriorityLists;
  readonly kernels: PriorityKernels;
  readonly windows: RingWindows;
  readonly random: RandomStream;
}

/**
 * Proportional prioritization (Schaul et al. 2016): a transition is drawn by its share of the sum of all leaves, one from
 * each of as many equal parts of that sum as the batch has places.
 *
 * ```
 *   positions     … left │ oldest … entered │ … head │ claim
 *   leaf            0    │ (|td| + ε)^α      │   0    │          a boundary row's is 0 throughout
 *                        └ from here drawn ──┘ waits for its successors
 * ```
 *
 * A row enters, with the largest leaf ever learnt, once its transition is published; it leaves before its writer comes
 * around. Whether it enters is decided on its flags, so every leaf whose rows a claim, read after them, does not vouch
 * for leaves at once: heads and claims determine the leaves, as they do everything else. Only {@link look} makes rows
 * enter or leave, so that what is learnt of a batch meets the leaves that the batch was drawn by.
 */
export class PrioritizedDraw implements DrawStrategy {
  readonly windows: RingWindows;
  readonly rings: Int32Array;
  readonly positions: Int32Array;

  readonly #parts: PrioritizedDrawParts;
  readonly #span: TransitionSpan;
  readonly #tree: SumTree;

  readonly #trainingSteps: Float64Array;
  readonly #top: Float32Array;
  readonly #entered: Int32Array;
  readonly #leaves: Float32Array;
  /** Per ring: the first position whose leaf may be more than 0. */
  readonly #oldest: Int32Array;
  readonly #drawn: Float32Array;
  readonly #learnt: Float32Array;

  constructor(parts: PrioritizedDrawParts) {
    const { buffer, plan, batch, state, lists } = parts;
    const rows = plan.rings * plan.capacity;
    this.windows = parts.windows;
    this.rings = new Int32Array(batch.size);
    this.positions = new Int32Array(batch.size);
    this.#parts = parts;
    this.#span = new TransitionSpan(buffer, plan, parts.steps);
    this.#trainingSteps = new Float64Array(buffer, state.trainingSteps, 1);
    this.#top = new Float32Array(buffer, state.top, 1);
    this.#entered = new Int32Array(buffer, state.entered, plan.rings);
    this.#leaves = new Float32Array(buffer, state.leaves, sumTreeLeaves(rows));
    this.#tree = new SumTree(this.#leaves, new Float64Array(buffer, lists.sums, sumTreeNodes(rows)));
    // The slots behind the last that entered, once around: those older than the window leave at the first look.
    this.#oldest = this.#entered.map((entered) => advance(entered, -plan.capacity, plan.period));
    this.#drawn = new Float32Array(buffer, lists.drawn, batch.size);
    this.#learnt = new Float32Array(buffer, lists.learnt, batch.size);
  }

  look(ring: number): void {
    const { windows } = this;
    const { capacity, period } = this.#parts.plan;
    windows.look(ring);
    const unseen = distance(this.#entered[ring], windows.heads[ring], period);
    // Negative where so many rows passed unseen that the circular difference came around.
    if (unseen < 0 || unseen > capacity) this.#restart(ring, windows.firsts[ring]);
    this.#leaveBefore(ring, windows.firsts[ring]);
    this.#enterUpTo(ring, windows.heads[ring]);
    // Closes the race "a writer came around while flags were read": what was decided on torn flags leaves again.
    this.#leaveBefore(ring, windows.firstWhole(ring));
  }

  draw(index: number): boolean {
    if (this.#tree.isEmpty) return false;
    const { capacity, period } = this.#parts.plan;
    const row = this.#tree.draw(this.#parts.random, index, this.#parts.batch.size);
    const ring = Math.floor(row / capacity);
    // The position of this row among those behind the head.
    const head = this.windows.heads[ring];
    const behind = (head % capacity) - (row - ring * capacity);
    this.rings[index] = ring;
    this.positions[index] = advance(head, behind > 0 ? -behind : -behind - capacity, period);
    this.#drawn[index] = this.#leaves[row];
    return true;
  }

  complete(): void {
    const { settings, kernels, batch, lists } = this.#parts;
    const { start, end, duration } = settings.correction;
    const share = Math.min(1, this.#trainingSteps[0] / duration);
    kernels.importanceWeights(batch.weight, lists.drawn, batch.size, (1 - share) * start + share * end);
  }

  /** @throws MarlinError `ERR_NOT_FINITE` where a trainer left a priority that is not a number */
  learned(): void {
    const { settings, kernels, batch, lists, plan } = this.#parts;
    kernels.priorityLeaves(lists.learnt, batch.priority, batch.size, settings.floor, settings.exponent);
    for (let index = 0; index < batch.size; index++) {
      const ring = this.rings[index];
      // A redraw may have made rows leave that were whole when they were drawn.
      if (distance(this.#oldest[ring], this.positions[index], plan.period) < 0) continue;
      this.#tree.set(this.#row(ring, this.positions[index]), this.#learnt, index);
      if (this.#learnt[index] > this.#top[0]) this.#top[0] = this.#learnt[index];
    }
    this.#trainingSteps[0]++;
    if (!this.#tree.isFinite) throw new MarlinError('ERR_NOT_FINITE', 'The priority of a transition is not finite.');
  }

  /** A lap or more went by: nothing that has entered is there any more. */
  #restart(ring: number, position: number): void {
    const { capacity } = this.#parts.plan;
    for (let slot = 0; slot < capacity; slot++) this.#tree.clear(ring * capacity + slot);
    this.#oldest[ring] = position;
    this.#entered[ring] = position;
  }

  #leaveBefore(ring: number, position: number): void {
    const { period } = this.#parts.plan;
    let oldest = this.#oldest[ring];
    if (distance(oldest, position, period) <= 0) return;
    while (oldest !== position && oldest !== this.#entered[ring]) {
      this.#tree.clear(this.#row(ring, oldest));
      oldest = advance(oldest, 1, period);
    }
    this.#oldest[ring] = position;
    if (distance(this.#entered[ring], position, period) > 0) this.#entered[ring] = position;
  }

  #enterUpTo(ring: number, head: number): void {
    const { period } = this.#parts.plan;
    let position = this.#entered[ring];
    while (position !== head) {
      const span = this.#span.at(ring, position, head);
      if (span === noSpan.yet) break;
      if (span > 0) this.#tree.set(this.#row(ring, position), this.#top, 0);
      position = advance(position, 1, period);
    }
    this.#entered[ring] = position;
  }

  #row(ring: number, position: number): number {
    const { capacity } = this.#parts.plan;
    return ring * capacity + (position % capacity);
  }
}
