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
  readonly stream: ScheduleStream;
  /** Index of the policy. */
  readonly index: number;
}

/**
 * One learner that does what a recorded one did. Each step is done as soon as the rings are where it saw them, so that
 * nothing it draws has been overwritten; that may be earlier than in the recorded run, so what it publishes and posts is
 * kept until the actor asks for it.
 */
export class ReplayedPolicy {
  readonly #parts: ReplayedPolicyParts;
  readonly #steps: Iterator<ScheduledEvent, void>;
  /** What the next step saw; undefined once there is none, or where steps see nothing. */
  #next: ScheduledEvent | undefined;
  /** Training steps of the recorded learner. */
  readonly #recordedSteps: number;

  constructor(parts: ReplayedPolicyParts) {
    const { stream, index } = parts;
    this.#parts = parts;
    this.#steps = stream.events(index, [eventKind.step, eventKind.tornStep]);
    this.#recordedSteps = stream.last(index, eventKind.end)?.numbers[0] ?? 0;
    this.#take();
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
    if (this.#next !== undefined || !this.#parts.publisher.isThrough)
      throw new Difference('the recorded learner did more');
  }

  #isDue(): boolean {
    const { learner, windows } = this.#parts;
    if (learner.trainSteps === this.#recordedSteps) return false;
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
  }

  #take(): void {
    this.#next = this.#steps.next().value ?? undefined;
    if (this.#next !== undefined) this.#parts.windows?.expect(this.#next);
  }
}
