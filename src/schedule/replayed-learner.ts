import type { CommitFigures } from '../buffer/commit-figures.js';
import { advance } from '../buffer/position.js';
import type { RingPlan } from '../buffer/ring-plan.js';
import { RingWindows } from '../buffer/ring-windows.js';
import type { WeightPublisher } from '../buffer/weights.js';
import { versionMask } from '../buffer/weights.js';
import type { LearnerWitness } from '../learner/learner.js';
import { Difference } from './difference.js';
import type { ScheduledEvent, ScheduleStream } from './schedule-reader.js';
import { eventKind } from './schedule-format.js';

/** Lets an actor play until the head of a ring is at `head`. */
export type AwaitHead = (ring: number, head: number) => void;

/** Windows that see what a recorded step saw. */
export class ReplayedWindows extends RingWindows {
  readonly #numbersPerLook: number;
  readonly #awaitHead: AwaitHead;
  readonly #lastHeads: Int32Array;
  #looks: readonly number[] = [];
  #look = 0;
  #refusals: readonly number[] = [];
  #refusal = 0;
  #questions = 0;

  /** @param stepNumbers see `numbersPerStep` */
  constructor(buffer: SharedArrayBuffer, plan: RingPlan, frames: number, stepNumbers: number, awaitHead: AwaitHead) {
    super(buffer, plan, frames);
    this.#numbersPerLook = stepNumbers / plan.rings;
    this.#awaitHead = awaitHead;
    this.#lastHeads = new Int32Array(plan.rings).fill(plan.startPosition);
  }

  /** Whether the rings are where a step first saw them. */
  areAt(step: ScheduledEvent): boolean {
    const looks = looksOf(step);
    for (let ring = 0; ring < this.plan.rings; ring++) {
      const head = advance(this.#lastHeads[ring], looks[ring * this.#numbersPerLook], this.plan.period);
      if (super.loadHead(ring) !== head) return false;
    }
    return true;
  }

  /** What the next training step is to see. */
  begin(step: ScheduledEvent): void {
    this.#refusals = refusalsOf(step);
    this.#looks = looksOf(step);
    this.#look = 0;
    this.#refusal = 0;
    this.#questions = 0;
  }

  /** @throws Difference where the step has not seen all of it */
  end(): void {
    if (this.#look === this.#looks.length && this.#refusal === this.#refusals.length) return;
    throw new Difference(`it looked at its rings ${this.#look} times, not ${this.#looks.length}`);
  }

  override isWhole(): boolean {
    const isRefused = this.#refusals[this.#refusal] === this.#questions;
    if (isRefused) this.#refusal++;
    this.#questions++;
    return !isRefused;
  }

  override firstWhole(ring: number): number {
    return advance(this.firsts[ring], this.#nextLook(), this.plan.period);
  }

  protected override loadHead(ring: number): number {
    const head = advance(this.#lastHeads[ring], this.#nextLook(), this.plan.period);
    this.#lastHeads[ring] = head;
    this.#awaitHead(ring, head);
    return head;
  }

  #nextLook(): number {
    const number = this.#looks[this.#look] as number | undefined;
    if (number === undefined) throw new Difference('it looked at its rings more often');
    this.#look++;
    return number;
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
  readonly #publications: Iterator<ScheduledEvent, void>;
  readonly #figures: CommitFigures;
  readonly #row: Float64Array;
  readonly #figure = new Float32Array(1);
  readonly #bits = new Uint32Array(this.#figure.buffer);
  #steps = 0;
  /** Training steps after which the next publication comes; its figure's bits. */
  #nextAt = 0;
  #nextBits = 0;

  /** @param initial byte offset of the weights that the run begins with */
  constructor(
    buffer: SharedArrayBuffer,
    parameterBytes: number,
    initial: number,
    stream: ScheduleStream,
    policy: number,
    figures: CommitFigures,
    figureCount: number,
  ) {
    this.#memory = new Uint8Array(buffer);
    this.#bytes = parameterBytes;
    this.#publications = stream.events(policy, [eventKind.publication]);
    this.#figures = figures;
    this.#row = new Float64Array(1 + Math.max(1, figureCount));
    this.notePosted();
    this.published.push({ version: 0, bytes: this.#memory.slice(initial, initial + parameterBytes) });
    this.#take();
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
    this.version = (this.version + 1) & versionMask;
    this.published.push({ version: this.version, bytes: this.#memory.slice(source, source + this.#bytes) });
    this.#take();
    return true;
  }

  #take(): void {
    const { value } = this.#publications.next();
    this.#nextAt = value === undefined ? Infinity : this.#nextAt + value.numbers[0];
    this.#nextBits = value?.numbers[1] ?? 0;
  }
}
