import type { CommitFigures } from '../buffer/commit-figures.js';
import { distance } from '../buffer/position.js';
import type { RingPlan } from '../buffer/ring-plan.js';
import { RingWindows } from '../buffer/ring-windows.js';
import type { WeightPublisher } from '../buffer/weights.js';
import type { LearnerWitness } from '../learner/learner.js';
import { eventKind } from './schedule-format.js';
import type { ScheduleWriter } from './schedule-writer.js';

/** A list of numbers that grows where it must, and is filled again and again. */
class NumberList {
  values = new Float64Array(16);
  length = 0;

  add(value: number): void {
    if (this.length === this.values.length) {
      const longer = new Float64Array(2 * this.length);
      longer.set(this.values);
      this.values = longer;
    }
    this.values[this.length++] = value;
  }
}

/**
 * Windows that note what a training step saw of its rings: all that it depends on besides the learner's own state.
 *
 * A look is noted by the rows that the head has moved since the last look at that ring and, where the strategy asks what
 * a claim vouches for, by how far into the window that begins. Whether a claim vouches for a draw is asked all the time
 * and nearly always answered by yes: what is noted is the number of each question that was not.
 */
export class RecordedWindows extends RingWindows {
  /** Of the looks of the step under way. */
  readonly looks = new NumberList();
  /** Numbers of the questions that were answered by no. */
  readonly refusals = new NumberList();
  readonly #lastHeads: Int32Array;
  #questions = 0;

  /** @param head from which the first look is counted. Default: where rings begin */
  constructor(buffer: SharedArrayBuffer, plan: RingPlan, frames: number, head: number = plan.startPosition) {
    super(buffer, plan, frames);
    this.#lastHeads = new Int32Array(plan.rings).fill(head);
  }

  override isWhole(position: number, claim: number): boolean {
    const isWhole = super.isWhole(position, claim);
    if (!isWhole) this.refusals.add(this.#questions);
    this.#questions++;
    return isWhole;
  }

  override firstWhole(ring: number): number {
    const first = super.firstWhole(ring);
    this.looks.add(Math.max(0, distance(this.firsts[ring], first, this.plan.period)));
    return first;
  }

  /** Forgets the step. */
  clear(): void {
    this.looks.length = 0;
    this.refusals.length = 0;
    this.#questions = 0;
  }

  protected override loadHead(ring: number): number {
    const head = super.loadHead(ring);
    this.looks.add(distance(this.#lastHeads[ring], head, this.plan.period));
    this.#lastHeads[ring] = head;
    return head;
  }
}

/** Writes down what one learner did and what it saw. */
export class RecordedLearner implements LearnerWitness {
  readonly #writer: ScheduleWriter;
  readonly #policy: number;
  /** Undefined where what a step sees depends on nothing but what is owed: rollouts. */
  readonly #windows: RecordedWindows | undefined;
  readonly #numbersPerStep: number;
  readonly #figures: CommitFigures;
  readonly #row: Float64Array;
  readonly #figure = new Float32Array(1);
  readonly #bits = new Uint32Array(this.#figure.buffer);
  #steps: number;
  #publishedAt: number;

  /** @param steps training steps done before; publications are counted from there */
  constructor(
    writer: ScheduleWriter,
    policy: number,
    windows: RecordedWindows | undefined,
    numbers: number,
    figures: CommitFigures,
    figureCount: number,
    steps = 0,
  ) {
    this.#steps = steps;
    this.#publishedAt = steps;
    this.#writer = writer;
    this.#policy = policy;
    this.#windows = windows;
    this.#numbersPerStep = numbers;
    this.#figures = figures;
    this.#row = new Float64Array(2 + figureCount);
  }

  /** After each training step, before it is committed. */
  trained(): void {
    this.#steps++;
    if (this.#windows === undefined) return;
    const { looks, refusals } = this.#windows;
    const writer = this.#writer;
    if (refusals.length === 0 && looks.length === this.#numbersPerStep) {
      writer.begin(eventKind.step, this.#policy);
    } else {
      writer.begin(eventKind.tornStep, this.#policy);
      writer.number(1 + refusals.length + looks.length);
      writer.number(refusals.length);
      for (let index = 0; index < refusals.length; index++) writer.number(refusals.values[index]);
    }
    for (let index = 0; index < looks.length; index++) writer.number(looks.values[index]);
    writer.end();
    this.#windows.clear();
  }

  published(): void {
    this.#figures.read(this.#row, 0);
    this.#figure[0] = this.#row[1];
    this.#writer.begin(eventKind.publication, this.#policy);
    this.#writer.number(this.#steps - this.#publishedAt);
    this.#writer.number(this.#bits[0]);
    this.#writer.end();
    this.#publishedAt = this.#steps;
  }

  /** The last word of a learner. */
  finished(): void {
    this.#writer.begin(eventKind.end, this.#policy);
    this.#writer.number(this.#steps);
    this.#writer.end();
  }
}

/** A publisher whose publications are written down. */
export class RecordedPublisher implements WeightPublisher {
  readonly #publisher: WeightPublisher;
  readonly #learner: RecordedLearner;

  constructor(publisher: WeightPublisher, learner: RecordedLearner) {
    this.#publisher = publisher;
    this.#learner = learner;
  }

  get version(): number {
    return this.#publisher.version;
  }

  tryPublish(source: number): boolean {
    const isPublished = this.#publisher.tryPublish(source);
    if (isPublished) this.#learner.published();
    return isPublished;
  }
}
