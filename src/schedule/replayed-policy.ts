import type { Learner } from '../learner/learner.js';
import { Difference } from './difference.js';
import type { PostedFigures, PublishedWeights, ReplayedPublisher, ReplayedWindows } from './replayed-learner.js';
import type { ScheduledEvent, ScheduleStream } from './schedule-reader.js';
import { eventKind } from './schedule-format.js';

export interface ReplayedPolicyParts {
  readonly learner: Learner;
  readonly publisher: ReplayedPublisher;
  /** Undefined where a learner waits for rollouts. */
  readonly windows: ReplayedWindows | undefined;
  /** Of its thread and of those that took its place. */
  readonly streams: readonly ScheduleStream[];
  /** Index of the policy. */
  readonly index: number;
  /** Byte offset of the committed parameters. */
  readonly committed: number;
}

/**
 * One learner that does what a recorded one did. Each step is done as soon as the rings are where it saw them, so that
 * nothing it draws has been overwritten; that may be earlier than in the recorded run, so what it publishes and posts is
 * kept until the actor asks for it.
 *
 * Where its thread was replaced, steps that were lost are not done; it goes on with those of the thread that followed.
 */
export class ReplayedPolicy {
  readonly #parts: ReplayedPolicyParts;
  #life = 0;
  #steps: Iterator<ScheduledEvent, void>;
  /** What the next step saw; undefined once there is none, or where steps see nothing. */
  #next: ScheduledEvent | undefined;
  /** Where the thread that follows begins; undefined where none does. */
  #start: LearnerStart | undefined;
  /** Training steps of the recorded learner. */
  readonly #recordedSteps: number;

  constructor(parts: ReplayedPolicyParts) {
    const { streams, index } = parts;
    this.#parts = parts;
    this.#recordedSteps = streams.at(-1)?.last(index, eventKind.end)?.numbers[0] ?? 0;
    this.#steps = this.#eventsOf(0);
    this.#start = this.#startOf(1);
    this.#take();
    this.#goOnWhereReplaced();
  }

  /** Does all the steps that saw the rings as they now are. */
  train(): void {
    while (this.#isDue()) this.#step();
  }

  /** The weights of this version; earlier ones are not asked for any more. */
  weights(version: number): PublishedWeights {
    const { published } = this.#parts.publisher;
    const place = published.findIndex((weights) => weights.version === version);
    if (place < 0) throw new Difference(`weights ${version} were not published by then`);
    published.splice(0, place);
    return published[0];
  }

  /** What was posted with the commit of so many training steps. */
  figures(trainSteps: number): PostedFigures {
    const { posted } = this.#parts.publisher;
    // At the end of an epoch a report follows the rows of the same turn: a learner may have seen these before.
    while ((posted.at(-1)?.trainSteps ?? 0) < trainSteps && this.#isDue()) this.#step();
    const place = posted.findIndex((figures) => figures.trainSteps === trainSteps);
    if (place < 0) throw new Difference(`training step ${trainSteps} was not committed by then`);
    posted.splice(0, place);
    return posted[0];
  }

  /** Does what is left, once the actor has ended. */
  finish(): void {
    const { learner } = this.#parts;
    this.train();
    if (learner.trainSteps !== this.#recordedSteps) {
      throw new Difference(`it did ${learner.trainSteps} training steps, not ${this.#recordedSteps}`);
    }
    learner.finish();
    if (this.#next !== undefined || this.#start !== undefined || !this.#parts.publisher.isThrough)
      throw new Difference('the recorded learner did more');
  }

  #isDue(): boolean {
    const { learner, windows } = this.#parts;
    if (learner.trainSteps === this.#recordedSteps && this.#start === undefined) return false;
    if (windows === undefined) return learner.isReady;
    return this.#next !== undefined && windows.areReady();
  }

  #step(): void {
    const { learner, windows, publisher } = this.#parts;
    if (windows === undefined || this.#next === undefined) {
      learner.trainStep();
    } else {
      windows.begin();
      learner.trainStep();
      windows.end();
      this.#take();
    }
    publisher.notePosted();
    this.#goOnWhereReplaced();
  }

  /** What its thread did after the last commit is lost: the next one begins there. */
  #goOnWhereReplaced(): void {
    const { learner, windows, publisher, streams, index, committed } = this.#parts;
    for (let start = this.#start; start?.trainSteps === learner.trainSteps; start = this.#start) {
      // One that died at its end had committed what it had.
      learner.finish();
      this.#life++;
      publisher.beginLife(streams[this.#life], index, start.version, committed);
      publisher.notePosted();
      windows?.beginLife(start.head);
      this.#steps = this.#eventsOf(this.#life);
      this.#start = this.#startOf(this.#life + 1);
      learner.takeOver(-1);
      this.#take();
    }
  }

  #eventsOf(life: number): Iterator<ScheduledEvent, void> {
    const { streams, index } = this.#parts;
    return streams[life].events(index, [eventKind.step, eventKind.tornStep]);
  }

  #startOf(life: number): LearnerStart | undefined {
    const { streams, index } = this.#parts;
    if (life >= streams.length) return undefined;
    const event = streams[life].last(index, eventKind.learnerStart);
    if (event === undefined) throw new Difference(`nothing says where its thread ${life} began`);
    const [trainSteps, version, head] = event.numbers;
    return { trainSteps, version, head };
  }

  #take(): void {
    this.#next = this.#steps.next().value ?? undefined;
    if (this.#next !== undefined) this.#parts.windows?.expect(this.#next);
  }
}

/** Where a thread began that took the place of another. */
interface LearnerStart {
  readonly trainSteps: number;
  /** Published by then. */
  readonly version: number;
  /** Of its ring. */
  readonly head: number;
}
