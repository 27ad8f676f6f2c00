import type { CommitFigures } from '../buffer/commit-figures.js';
import { advance, distance } from '../buffer/position.js';
import type { RingPlan } from '../buffer/ring-plan.js';
import { RingWindows } from '../buffer/ring-windows.js';
import type { WeightPublisher } from '../buffer/weights.js';
import { versionMask } from '../buffer/weights.js';
import type { LearnerWitness } from '../learner/learner.js';
import { Difference } from './difference.js';
import type { ScheduledEvent, ScheduleStream } from './schedule-reader.js';
import { eventKind } from './schedule-format.js';

/** The bytes of a policy's ring, as something that can be kept and put back. */
export interface RingMemory {
  capture(): Uint8Array;
  restore(bytes: Uint8Array): void;
}

/**
 * Windows that see what a recorded step saw.
 *
 * A step that had a draw refused looked at its ring again later, when the actor had moved on. Nobody waits for that here:
 * the ring is copied when it is where the step first saw it, and at each later look but the last. Once it is at the last,
 * the step is done over the copies, and then the ring is put back.
 */
export class ReplayedWindows extends RingWindows {
  readonly #numbersPerLook: number;
  readonly #memory: RingMemory;
  /** The head at the last look of the step before. */
  #lastHead: number;
  /** Of the step that comes next: numbers of its looks, its heads, and the ring at all of them but the last. */
  #looks: readonly number[] = [];
  #heads: number[] = [];
  readonly #copies: Uint8Array[] = [];
  #refusals: readonly number[] = [];
  #look = 0;
  #excess = 0;
  #refusal = 0;
  #questions = 0;

  /** @param stepNumbers see `numbersPerStep` */
  constructor(buffer: SharedArrayBuffer, plan: RingPlan, frames: number, stepNumbers: number, memory: RingMemory) {
    super(buffer, plan, frames);
    if (plan.rings !== 1) throw new RangeError('A schedule is replayed for policies of one ring.');
    this.#numbersPerLook = stepNumbers;
    this.#memory = memory;
    this.#lastHead = plan.startPosition;
  }

  /** Looks are counted from this head on: the thread of the learner was replaced when it was there. */
  beginLife(head: number): void {
    this.#lastHead = head;
  }

  /** Takes note of what the next step saw. */
  expect(step: ScheduledEvent): void {
    this.#looks = looksOf(step);
    this.#refusals = refusalsOf(step);
    this.#heads = [];
    this.#copies.length = 0;
    let head = this.#lastHead;
    for (let place = 0; place < this.#looks.length; place += this.#numbersPerLook) {
      head = advance(head, this.#looks[place], this.plan.period);
      this.#heads.push(head);
    }
    this.#lastHead = head;
  }

  /**
   * Looks where the ring is, and copies it where the next step saw it so. To be asked between any two turns.
   * @returns true once the step can be done
   * @throws Difference where the ring has passed a place at which the step saw it
   */
  areReady(): boolean {
    const now = super.loadHead(0);
    const heads = this.#heads;
    while (this.#copies.length < heads.length - 1 && heads[this.#copies.length] === now) {
      const isSame = this.#copies.length > 0 && heads[this.#copies.length - 1] === now;
      this.#copies.push(isSame ? this.#copies[this.#copies.length - 1] : this.#memory.capture());
    }
    const awaited = heads[this.#copies.length];
    if (awaited === undefined) throw new Difference('it has not looked at its ring');
    const missing = distance(now, awaited, this.plan.period);
    if (missing < 0) throw new Difference('its ring is further than it saw it');
    return missing === 0 && this.#copies.length === heads.length - 1;
  }

  /** The step begins. */
  begin(): void {
    if (this.#copies.length > 0) this.#copies.push(this.#memory.capture());
    this.#look = 0;
    this.#excess = 0;
    this.#refusal = 0;
    this.#questions = 0;
  }

  /** @throws Difference where the step has not seen all of it */
  end(): void {
    const live = this.#copies.at(-1);
    if (live !== undefined) this.#memory.restore(live);
    if (this.#look === this.#heads.length && this.#refusal === this.#refusals.length) return;
    throw new Difference(`it looked at its ring ${this.#look} times, not ${this.#heads.length}`);
  }

  override isWhole(): boolean {
    const isRefused = this.#refusals[this.#refusal] === this.#questions;
    if (isRefused) this.#refusal++;
    this.#questions++;
    return !isRefused;
  }

  override firstWhole(ring: number): number {
    const excess = this.#looks[this.#excess * this.#numbersPerLook + 1] as number | undefined;
    if (excess === undefined) throw new Difference('it asked its ring more often');
    this.#excess++;
    return advance(this.firsts[ring], excess, this.plan.period);
  }

  protected override loadHead(): number {
    const head = this.#heads[this.#look] as number | undefined;
    if (head === undefined) throw new Difference('it looked at its ring more often');
    const copy = this.#copies[this.#look] as Uint8Array | undefined;
    if (copy !== undefined) this.#memory.restore(copy);
    this.#look++;
    return head;
  }
}

function refusalsOf({ kind, numbers }: ScheduledEvent): readonly number[] {
  return kind === eventKind.tornStep ? numbers.slice(2, 2 + numbers[1]) : [];
}

function looksOf({ kind, numbers }: ScheduledEvent): readonly number[] {
  return kind === eventKind.tornStep ? numbers.slice(2 + numbers[1]) : numbers;
}

/** What a replayed learner has posted with a commit, until its actors have asked for later ones. */
export interface PostedFigures {
  readonly trainSteps: number;
  /** Training steps, then the figures. */
  readonly row: Float64Array;
}

/** Weights that a replayed learner has published and its actors have not asked for yet. */
export interface PublishedWeights {
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** Publishes when the recorded learner did, and keeps what it publishes for the actors to ask for. */
export class ReplayedPublisher implements WeightPublisher, LearnerWitness {
  version = 0;
  readonly published: PublishedWeights[] = [];
  readonly posted: PostedFigures[] = [];
  readonly #memory: Uint8Array;
  readonly #bytes: number;
  readonly #wanted: ReadonlySet<number>;
  #publications: Iterator<ScheduledEvent, void>;
  readonly #figures: CommitFigures;
  readonly #row: Float64Array;
  readonly #figure = new Float32Array(1);
  readonly #bits = new Uint32Array(this.#figure.buffer);
  #steps = 0;
  /** Training steps after which the next publication comes; its figure's bits. */
  #nextAt = 0;
  #nextBits = 0;

  /**
   * @param initial byte offset of the weights that the run begins with
   * @param wanted versions that an actor asks for
   */
  constructor(
    buffer: SharedArrayBuffer,
    parameterBytes: number,
    initial: number,
    wanted: ReadonlySet<number>,
    stream: ScheduleStream,
    policy: number,
    figures: CommitFigures,
    figureCount: number,
  ) {
    this.#memory = new Uint8Array(buffer);
    this.#bytes = parameterBytes;
    this.#wanted = wanted;
    this.#publications = stream.events(policy, [eventKind.publication]);
    this.#figures = figures;
    this.#row = new Float64Array(1 + Math.max(1, figureCount));
    this.notePosted();
    this.published.push({ version: 0, bytes: this.#memory.slice(initial, initial + parameterBytes) });
    this.#take();
  }

  /**
   * The thread of the learner was replaced.
   * @param version published by then. A thread may die before it has written that down, or publish what it has committed
   * after steps that are lost with it
   * @param source byte offset of the committed parameters
   * @throws Difference where that was another one
   */
  beginLife(stream: ScheduleStream, policy: number, version: number, source: number): void {
    if (version !== this.version) this.#publish(source);
    if (version !== this.version) throw new Difference(`it had published weights ${this.version}, not ${version}`);
    this.#publications = stream.events(policy, [eventKind.publication]);
    this.#nextAt = this.#steps;
    this.#take();
  }

  /** True once all that was recorded has been published. */
  get isThrough(): boolean {
    return this.#nextAt === Infinity;
  }

  /** Keeps what the last commit posted, if it is another. */
  notePosted(): void {
    this.#figures.read(this.#row, 0);
    const [trainSteps] = this.#row;
    if (this.posted.at(-1)?.trainSteps !== trainSteps) this.posted.push({ trainSteps, row: this.#row.slice() });
  }

  trained(): void {
    this.#steps++;
  }

  finished(): void {
    // What is left unpublished was so in the recorded run.
  }

  /** @throws Difference where the figure of the commit is another than the recorded one */
  tryPublish(source: number): boolean {
    if (this.#steps !== this.#nextAt) return false;
    this.#figures.read(this.#row, 0);
    this.#figure[0] = this.#row[1];
    if (this.#bits[0] !== this.#nextBits) {
      const own = this.#figure[0];
      this.#bits[0] = this.#nextBits;
      throw new Difference(`its first figure is ${own}, not ${this.#figure[0]}`);
    }
    this.#publish(source);
    this.#take();
    return true;
  }

  #publish(source: number): void {
    this.version = (this.version + 1) & versionMask;
    if (!this.#wanted.has(this.version)) return;
    this.published.push({ version: this.version, bytes: this.#memory.slice(source, source + this.#bytes) });
  }

  #take(): void {
    const { value } = this.#publications.next();
    this.#nextAt = value === undefined ? Infinity : this.#nextAt + value.numbers[0];
    this.#nextBits = value?.numbers[1] ?? 0;
  }
}
