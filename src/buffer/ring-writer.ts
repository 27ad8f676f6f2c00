import type { BlockMover } from './block-mover.js';
import { advance, distance, halfOf } from './position.js';
import type { RingPlan } from './ring-plan.js';
import { totalRows } from './ring-occupancy.js';
import { bookmarkWords, ringControl, ringControlView, rowFlags, rowsPerClaim } from './ring-plan.js';

const lowLimit = 2 ** 30;

/** Control word of a bookmark's head. */
function positionWord(bookmark: number): number {
  return ringControl.bookmarks + bookmark * bookmarkWords + 2;
}

/** One step of an agent, as the writer takes it. Offsets are bytes in the ring's own memory. Reuse one object. */
export interface Transition {
  /** Observation before the action, in the ring's dtype. */
  observation: number;
  /** The words of the action, i32 or the bits of f32; read only up to the ring's `actionSize`. */
  readonly action: Int32Array;
  reward: number;
  terminated: boolean;
  truncated: boolean;
  /** The rollout ends behind this step, though the episode goes on. */
  cut: boolean;
  /** Observation after the step; read only where it is `terminated`, `truncated` or `cut`. */
  finalObservation: number;
  /** u8 mask of the actions that were legal at `observation`; read only where the ring has masks. */
  legal: number;
  /** The same at `finalObservation`. */
  finalLegal: number;
  /** One value array per field that the algorithm declared, in its order. */
  readonly fields: readonly ArrayLike<number>[];
}

/**
 * The producing end of a ring. One writer per ring, owned by one actor thread; it never waits. A writer that takes over
 * from one that died begins a new episode behind the last whole row.
 *
 * ```
 *  oldest                     head          claim
 *    │ readable, whole rows …  │ being filled │ oldest rows again (next to be overwritten)
 *    └─ claim − capacity                      └─ moves first, so that a sampler that had gathered a row of this slot
 *                                                sees that the row is no longer its own
 * ```
 */
export class RingWriter {
  protected readonly plan: RingPlan;
  protected readonly control: Int32Array;
  /** Position of the next row: the head, kept here because only this thread moves it. */
  protected position: number;

  readonly #mover: BlockMover;
  readonly #firstRow: number;
  readonly #actions: Int32Array;
  readonly #rewards: Float32Array;
  readonly #episodeSteps: Int32Array;
  readonly #flags: Uint8Array;
  readonly #fields: readonly (Uint8Array | Int32Array | Float32Array)[];
  #episodeStep = 0;

  constructor(buffer: SharedArrayBuffer, plan: RingPlan, ring: number, mover: BlockMover) {
    const rows = plan.rings * plan.capacity;
    this.plan = plan;
    this.control = ringControlView(buffer, plan, ring);
    this.position = Atomics.load(this.control, ringControl.head);
    this.#mover = mover;
    this.#firstRow = ring * plan.capacity;
    this.#actions = new Int32Array(buffer, plan.action, rows * plan.actionSize);
    this.#rewards = new Float32Array(buffer, plan.reward, rows);
    this.#episodeSteps = new Int32Array(buffer, plan.episodeStep, rows);
    this.#flags = new Uint8Array(buffer, plan.flags, rows);
    this.#fields = plan.fields.map((field, index) => {
      const offset = plan.fieldOffsets[index];
      if (field.dtype === 'u8') return new Uint8Array(buffer, offset, rows * field.size);
      if (field.dtype === 'i32') return new Int32Array(buffer, offset, rows * field.size);
      return new Float32Array(buffer, offset, rows * field.size);
    });
  }

  /** Position of the row that is written next. */
  get head(): number {
    return this.position;
  }

  /** Rows ever written, boundary rows included. */
  get total(): number {
    return totalRows(this.control, this.plan, this.position);
  }

  /** Writes one step, and behind the last step of an episode or a rollout its boundary row. Allocates nothing. */
  append(transition: Transition): void {
    const ended = transition.terminated || transition.truncated;
    const hasBoundary = ended || transition.cut;
    this.claim();
    const flags =
      (transition.terminated ? rowFlags.terminated : 0) |
      (transition.truncated ? rowFlags.truncated : 0) |
      (!ended && transition.cut ? rowFlags.cut : 0);
    const row = this.#row(this.position);
    this.#fill(row, transition.observation, transition.legal, flags);
    const { actionSize } = this.plan;
    for (let word = 0; word < actionSize; word++) this.#actions[row * actionSize + word] = transition.action[word];
    // Not an argument: a call that the engine does not inline boxes numbers that are no small integers.
    this.#rewards[row] = transition.reward;
    for (let field = 0; field < this.#fields.length; field++) {
      const { size } = this.plan.fields[field];
      for (let value = 0; value < size; value++) {
        this.#fields[field][row * size + value] = transition.fields[field][value];
      }
    }
    this.#episodeStep++;
    if (hasBoundary) {
      const boundary = this.#row(advance(this.position, 1, this.plan.period));
      this.#fill(boundary, transition.finalObservation, transition.finalLegal, rowFlags.boundary);
      this.#makeBoundary(boundary);
    }
    if (ended) this.#episodeStep = 0;
    this.publish(hasBoundary ? 2 : 1);
  }

  /** Counts a step that is not written: a writer that died had written it, and it has been learnt. */
  pass({ terminated, truncated }: Transition): void {
    this.#episodeStep = terminated || truncated ? 0 : this.#episodeStep + 1;
  }

  /**
   * Notes that what follows the next `rows` rows belongs behind so many turns of the run: where a writer that takes over
   * begins. A writer that dies before these rows are whole leaves the note before.
   */
  bookmark(turns: number, rows: number): void {
    const { control } = this;
    const other = 1 - Atomics.load(control, ringControl.bookmark);
    const first = ringControl.bookmarks + other * bookmarkWords;
    Atomics.store(control, first, Math.floor(turns / lowLimit));
    Atomics.store(control, first + 1, turns % lowLimit);
    Atomics.store(control, first + 2, advance(this.position, rows, this.plan.period));
    Atomics.store(control, ringControl.bookmark, other);
  }

  /**
   * Takes back what a writer that died has written since its bookmark, where that stands at `turns` turns or behind: the
   * half of a rollout, which nobody has learnt from.
   * @returns turns of the run whose steps are in the ring: from where one goes on, they are not to be written again
   */
  rewind(turns: number): number {
    const { control, plan } = this;
    const newest = Atomics.load(control, ringControl.bookmark);
    const isReached = distance(this.position, control[positionWord(newest)], plan.period) <= 0;
    const bookmark = isReached ? newest : 1 - newest;
    const first = ringControl.bookmarks + bookmark * bookmarkWords;
    const bookmarked = Atomics.load(control, first) * lowLimit + Atomics.load(control, first + 1);
    // It died before it began the epoch that is played next: all that it wrote is to stay.
    if (bookmarked < turns) return turns;
    const position = control[positionWord(bookmark)];
    this.position = position;
    // `halves` may now be ahead of it, as where a writer dies before it has moved the head.
    Atomics.store(control, ringControl.head, position);
    return bookmarked;
  }

  /**
   * Ends the episode in which a writer died: the observation of its last step, whose successor nobody knows, becomes the
   * boundary row of the step before. A second boundary row moves the head, by which recorded samplers tell before from
   * after. No sampler may look meanwhile.
   */
  cutShort(): void {
    const { plan } = this;
    const last = this.#row(advance(this.position, -1, plan.period));
    if (this.total === 0 || (this.#flags[last] & rowFlags.boundary) !== 0) return;
    const before = this.#row(advance(this.position, -2, plan.period));
    // First, so that there is no boundary without an end before it, should this be cut short as well.
    if (this.#episodeSteps[last] > 0) this.#flags[before] |= rowFlags.truncated;
    this.#makeBoundary(last);
    this.claim();
    const second = this.#row(this.position);
    this.#episodeSteps[second] = this.#episodeSteps[last];
    this.#makeBoundary(second);
    this.publish(1);
  }

  #makeBoundary(row: number): void {
    const { actionSize } = this.plan;
    for (let word = 0; word < actionSize; word++) this.#actions[row * actionSize + word] = 0;
    this.#rewards[row] = 0;
    this.#flags[row] = rowFlags.boundary;
  }

  /** Announces that the next rows are about to change. */
  protected claim(): void {
    // Always as many rows as the longest append: were the writer to die here with two rows half written, a claim of one
    // row by its replacement would move back, and vouch for the row under the second.
    // A read-modify-write, not a store, as the sampler's look at the claim is one: of two on the same word one comes
    // first. If the sampler's, all it read was read before the stores of the fill; if this, the sampler sees the claim.
    // Closes the race "sampler gathers a slot while we overwrite it".
    Atomics.exchange(this.control, ringControl.claim, advance(this.position, rowsPerClaim, this.plan.period));
  }

  /** Makes the next `rows` rows readable. */
  protected publish(rows: number): void {
    const { control, plan } = this;
    const next = advance(this.position, rows, plan.period);
    const half = halfOf(this.position, plan.period);
    // Not if a writer that died here has counted this half already.
    if (halfOf(next, plan.period) !== half && (control[ringControl.halves] & 1) === half) {
      // Before the head, see totalRows.
      Atomics.add(control, ringControl.halves, 1);
    }
    this.position = next;
    // A releasing store: the rows' plain stores are visible to whoever reads this head. Closes the race "index
    // published before the data".
    Atomics.store(control, ringControl.head, next);
  }

  #row(position: number): number {
    return this.#firstRow + (position % this.plan.capacity);
  }

  /** All columns but the action, the reward and the algorithm's own. */
  #fill(row: number, observation: number, legal: number, flags: number): void {
    const { plan } = this;
    this.#mover.copyBytes(plan.observation + row * plan.bytesPerObservation, observation, plan.bytesPerObservation);
    if (plan.legal !== undefined) {
      this.#mover.copyBytes(plan.legal + row * plan.maskSize, legal, plan.maskSize);
    }
    this.#episodeSteps[row] = this.#episodeStep;
    this.#flags[row] = flags;
  }
}
