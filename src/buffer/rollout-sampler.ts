import { MarlinError } from '../errors.js';
import type { BlockMover } from './block-mover.js';
import type { Layout } from './layout.js';
import { advance, distance } from './position.js';
import type { RingPlan } from './ring-plan.js';
import { ringControl, ringControlView, rowFlags, rowsPerClaim } from './ring-plan.js';
import type { RolloutBatch } from './rollout-batch.js';
import { rolloutEnd } from './rollout-batch.js';
import type { Sampler } from './sampler.js';

/** What a rollout sampler needs to know besides the rings and the batch. */
export interface RolloutRule {
  /** Frames of a stacked observation. */
  readonly frames: number;
  /** Factor applied to observation values. */
  readonly observationScale: number;
  /** Training steps on one rollout. */
  readonly trainingSteps: number;
}

/** Byte offsets of the sampler's own lists of row numbers. */
export interface RolloutLists {
  /** i32 [size, frames] */
  readonly observationRows: number;
  /** i32 [size, frames]: of the observations behind cut steps. */
  readonly cutRows: number;
  /** i32 [size] */
  readonly rows: number;
}

export function planRolloutLists(layout: Layout, size: number, frames: number): RolloutLists {
  return {
    observationRows: layout.reserve(size * frames * 4),
    cutRows: layout.reserve(size * frames * 4),
    rows: layout.reserve(size * 4),
  };
}

/** Smallest capacity at which a rollout, each step an episode of its own, is whole while it is learnt. */
export function minimumRolloutCapacity(turns: number, frames: number): number {
  return 2 * (turns + frames + rowsPerClaim);
}

/** Bytes of the sampler's state: the next position of each ring, i32. */
export function rolloutStateBytes(rings: number): number {
  return rings * 4;
}

/** Sets the state of an untrained learner. */
export function initializeRolloutState(buffer: SharedArrayBuffer, plan: RingPlan, state: number): void {
  new Int32Array(buffer, state, plan.rings).fill(plan.startPosition);
}

/**
 * Takes rollouts out of a policy's rings: every step once, in order. The actor waits at the end of each rollout, so
 * nothing is overwritten before it was used; a claim that says otherwise is an error, never a redraw.
 *
 * ```
 *   rows    s s s B s s s s B │ s …       B: boundary row, behind the end of an episode or of the rollout
 *           └── one rollout ──┘ next position, kept in the working state
 * ```
 */
export class RolloutSampler implements Sampler {
  readonly redraws = 0;

  readonly #plan: RingPlan;
  readonly #batch: RolloutBatch;
  readonly #rule: RolloutRule;
  readonly #mover: BlockMover;
  readonly #lists: RolloutLists;
  readonly #controls: readonly Int32Array[];
  /** Per ring: the first row that was not learnt yet; and, once a rollout was taken, the one behind it. */
  readonly #positions: Int32Array;
  readonly #ends: Int32Array;
  /** Training steps still to be done on what the batch holds. */
  #stepsLeft = 0;

  readonly #ringRewards: Float32Array;
  readonly #ringSteps: Int32Array;
  readonly #ringFlags: Uint8Array;
  readonly #observationRows: Int32Array;
  readonly #cutRows: Int32Array;
  readonly #rows: Int32Array;
  readonly #rewards: Float32Array;
  readonly #batchEnds: Uint8Array;
  readonly #batchCutRow: Int32Array;
  readonly #cutCount: Int32Array;
  /** Row numbers of the frames of the running episode, oldest first; −1 before its first. */
  readonly #stack: Int32Array;

  /** @param state byte offset of {@link rolloutStateBytes} in the learner's working state */
  constructor(
    buffer: SharedArrayBuffer,
    plan: RingPlan,
    batch: RolloutBatch,
    rule: RolloutRule,
    lists: RolloutLists,
    mover: BlockMover,
    state: number,
  ) {
    const rows = plan.rings * plan.capacity;
    this.#plan = plan;
    this.#batch = batch;
    this.#rule = rule;
    this.#mover = mover;
    this.#lists = lists;
    this.#controls = Array.from({ length: plan.rings }, (_, ring) => ringControlView(buffer, plan, ring));
    this.#positions = new Int32Array(buffer, state, plan.rings);
    this.#ends = new Int32Array(plan.rings);
    this.#ringRewards = new Float32Array(buffer, plan.reward, rows);
    this.#ringSteps = new Int32Array(buffer, plan.episodeStep, rows);
    this.#ringFlags = new Uint8Array(buffer, plan.flags, rows);
    this.#observationRows = new Int32Array(buffer, lists.observationRows, batch.size * rule.frames);
    this.#cutRows = new Int32Array(buffer, lists.cutRows, batch.size * rule.frames);
    this.#rows = new Int32Array(buffer, lists.rows, batch.size);
    this.#rewards = new Float32Array(buffer, batch.reward, batch.size);
    this.#batchEnds = new Uint8Array(buffer, batch.end, batch.size);
    this.#batchCutRow = new Int32Array(buffer, batch.cutRow, batch.size);
    this.#cutCount = new Int32Array(buffer, batch.cutCount, 1);
    this.#stack = new Int32Array(rule.frames);
  }

  ready(): boolean {
    if (this.#stepsLeft > 0) return true;
    for (let ring = 0; ring < this.#controls.length; ring++) {
      if (!this.#findEnd(ring)) return false;
    }
    return true;
  }

  /** Takes the next rollout, unless training steps on the last one are still to be done. Call only when ready. */
  sample(): void {
    if (this.#stepsLeft === 0) this.#take();
  }

  learned(): void {
    this.#stepsLeft--;
    if (this.#stepsLeft > 0) return;
    for (let ring = 0; ring < this.#ends.length; ring++) this.#positions[ring] = this.#ends[ring];
  }

  seen(ring: number): number {
    return this.#ends[ring];
  }

  /** The actor waits until a rollout is learnt. */
  vouchesFor(): boolean {
    return true;
  }

  /** Notes where the next rollout of a ring ends; false while it is not published. */
  #findEnd(ring: number): boolean {
    const { capacity, period } = this.#plan;
    const start = this.#positions[ring];
    const published = distance(start, Atomics.load(this.#controls[ring], ringControl.head), period);
    let steps = 0;
    let rows = 0;
    let flags = 0;
    while (steps < this.#batch.turns || flags !== 0) {
      if (rows >= published) return false;
      const row = ring * capacity + (advance(start, rows, period) % capacity);
      // The boundary row behind the last step belongs to the rollout as well.
      flags = this.#ringFlags[row] & ~rowFlags.boundary;
      if ((this.#ringFlags[row] & rowFlags.boundary) === 0) steps++;
      rows++;
    }
    this.#ends[ring] = advance(start, rows, period);
    return true;
  }

  #take(): void {
    this.#stepsLeft = this.#rule.trainingSteps;
    this.#cutCount[0] = 0;
    for (let ring = 0; ring < this.#controls.length; ring++) this.#list(ring);
    this.#gather();
    for (let ring = 0; ring < this.#controls.length; ring++) this.#check(ring);
  }

  /** Lists the rows of a ring's rollout and reads what needs no gathering. */
  #list(ring: number): void {
    const { turns } = this.#batch;
    const { frames } = this.#rule;
    const { capacity, period } = this.#plan;
    const firstRow = ring * capacity;
    let position = this.#positions[ring];
    this.#restack(ring, position);
    for (let step = 0; step < turns;) {
      const index = ring * turns + step;
      const row = firstRow + (position % capacity);
      position = advance(position, 1, period);
      const flags = this.#ringFlags[row];
      if ((flags & rowFlags.boundary) !== 0) continue;
      if (this.#ringSteps[row] === 0) this.#stack.fill(-1);
      this.#push(row);
      this.#observationRows.set(this.#stack, index * frames);
      this.#rows[index] = row;
      this.#rewards[index] = this.#ringRewards[row];
      this.#batchEnds[index] = flags === 0 ? rolloutEnd.none : rolloutEnd.cut;
      this.#batchCutRow[index] = -1;
      if ((flags & rowFlags.terminated) !== 0) this.#batchEnds[index] = rolloutEnd.terminated;
      else if (flags !== 0) this.#listCut(index, firstRow + (position % capacity));
      step++;
    }
  }

  /** The frames before the first step of a rollout that begins inside an episode. */
  #restack(ring: number, start: number): void {
    const { frames } = this.#rule;
    const { capacity, period } = this.#plan;
    const firstRow = ring * capacity;
    this.#stack.fill(-1);
    const wanted = Math.min(frames - 1, this.#ringSteps[firstRow + (start % capacity)]);
    let position = start;
    for (let found = 0; found < wanted;) {
      position = advance(position, -1, period);
      const row = firstRow + (position % capacity);
      // The boundary row of a cut holds the observation of the step behind it once more.
      if ((this.#ringFlags[row] & rowFlags.boundary) !== 0) continue;
      found++;
      this.#stack[frames - found] = row;
    }
  }

  #push(row: number): void {
    this.#stack.copyWithin(0, 1);
    this.#stack[this.#stack.length - 1] = row;
  }

  #listCut(index: number, boundaryRow: number): void {
    const { frames } = this.#rule;
    const cut = this.#cutCount[0]++;
    this.#batchCutRow[index] = cut;
    for (let frame = 1; frame < frames; frame++) this.#cutRows[cut * frames + frame - 1] = this.#stack[frame];
    this.#cutRows[cut * frames + frames - 1] = boundaryRow;
  }

  #gather(): void {
    const plan = this.#plan;
    const batch = this.#batch;
    const lists = this.#lists;
    const mover = this.#mover;
    const { frames } = this.#rule;
    this.#gatherObservations(batch.observation, lists.observationRows, batch.size * frames);
    this.#gatherObservations(batch.cutObservation, lists.cutRows, this.#cutCount[0] * frames);
    mover.gatherRows(batch.action, plan.action, plan.actionSize * 4, lists.rows, batch.size);
    if (plan.legal !== undefined && batch.legal !== undefined) {
      mover.gatherRows(batch.legal, plan.legal, plan.maskSize, lists.rows, batch.size);
    }
    for (let field = 0; field < plan.fields.length; field++) {
      const { dtype, size } = plan.fields[field];
      const bytes = size * (dtype === 'u8' ? 1 : 4);
      mover.gatherRows(batch.fields[field], plan.fieldOffsets[field], bytes, lists.rows, batch.size);
    }
  }

  #gatherObservations(destination: number, rows: number, count: number): void {
    const { observation, observationSize, observationDtype } = this.#plan;
    const { observationScale } = this.#rule;
    if (observationDtype === 'u8') {
      this.#mover.gatherRowsU8ToF32(destination, observation, observationSize, rows, count, observationScale);
    } else {
      this.#mover.gatherRowsF32(destination, observation, observationSize, rows, count, observationScale);
    }
  }

  /** @throws MarlinError `ERR_STATE` where the actor did not wait */
  #check(ring: number): void {
    const { capacity, period } = this.#plan;
    // After the rows were read, and by a read-modify-write: see RingSampler.
    const claim = Atomics.add(this.#controls[ring], ringControl.claim, 0);
    // Frames look back over steps, and there may be a boundary row behind each.
    const oldest = advance(this.#positions[ring], -2 * this.#rule.frames, period);
    if (distance(oldest, claim, period) <= capacity) return;
    throw new MarlinError('ERR_STATE', `A rollout was overwritten before it was learnt (ring ${ring}).`);
  }
}
