import type { Trainer } from '../algorithms/algorithm.js';
import type { CommitFigures } from '../buffer/commit-figures.js';
import type { Sampler } from '../buffer/sampler.js';
import type { WeightPublisher } from '../buffer/weights.js';
import type { WideCounter } from '../buffer/wide-counter.js';
import { MarlinError } from '../errors.js';
import { nowMs } from '../metrics/clock.js';
import { probes } from '../metrics/probes.js';
import type { RandomStream } from '../random.js';
import type { LearnerState } from './learner-state.js';

export interface LearnerParts {
  readonly policyId: string;
  readonly trainer: Trainer;
  readonly sampler: Sampler;
  /** The stream that the sampler draws from. */
  readonly random: RandomStream;
  readonly state: LearnerState;
  readonly publisher: WeightPublisher;
  /** Byte offset of the committed parameters. */
  readonly committed: number;
  /** Training steps done, for actors and the main thread to read. */
  readonly trainSteps: WideCounter;
  readonly figures: CommitFigures;
  /** One per figure: sums since the last commit, kept where they outlive the thread. */
  readonly sums: Float64Array;
  readonly metricNames: readonly string[];
  /** Training steps between publications. */
  readonly publishInterval: number;
  /** Whether fewer may be committed, at the end of a run; the steps on a rollout are committed together. */
  readonly commitsPartly: boolean;
  /** Takes note of what is done, where a run is recorded. */
  readonly witness?: LearnerWitness | undefined;
}

/** Is told what a learner does, in order. */
export interface LearnerWitness {
  /** After each training step, before it can be committed. */
  trained(): void;
  /** The last word of a learner. */
  finished(): void;
}

/**
 * Trains one policy: samples, steps, commits, publishes. Knows nothing of threads or of how much is owed. A training
 * step allocates nothing once warm; a commit allocates one array of four numbers.
 */
export class Learner {
  /** Training steps done. */
  trainSteps: number;
  /** Publications put off because an actor was reading the slot. */
  publicationsDelayed = 0;

  readonly #parts: LearnerParts;
  readonly #sums: Float64Array;
  /** Training step of the last commit, and of the last commit that was published. */
  #committedAt: number;
  #publishedAt: number;

  constructor(parts: LearnerParts) {
    const { trainSteps, committedAt } = parts.state.savedProgress();
    this.#parts = parts;
    this.trainSteps = trainSteps;
    this.#committedAt = committedAt;
    this.#publishedAt = parts.state.publishedAt;
    this.#sums = parts.sums;
  }

  /**
   * Takes the place of a learner that died, once its state has been recovered: completes what that one left undone of its
   * last commit, in the order of a commit. A recorded publication is known by the first figure that was posted before it.
   * @param publishedAt training step of the last commit that was published; a replay tries whatever that was
   */
  takeOver(publishedAt: number = this.#publishedAt): void {
    const { figures, trainSteps } = this.#parts;
    const posted = new Float64Array(1 + this.#sums.length);
    figures.read(posted, 0);
    if (posted[0] < this.#committedAt) figures.post(this.#committedAt, this.#sums, this.#committedAt - posted[0]);
    // Those of the steps that were lost.
    this.#sums.fill(0);
    this.#publishedAt = publishedAt;
    if (this.#publishedAt < this.#committedAt) this.#tryPublish();
    trainSteps.set(this.trainSteps);
  }

  get policyId(): string {
    return this.#parts.policyId;
  }

  /** True once a batch can be drawn. */
  get isReady(): boolean {
    return this.#parts.sampler.ready();
  }

  /** Draws redrawn because the actor overwrote them meanwhile. */
  get redraws(): number {
    return this.#parts.sampler.redraws;
  }

  /**
   * One training step, and the publication that it makes due.
   * @throws MarlinError `ERR_NOT_FINITE` naming policy, figure and step when training diverges
   */
  trainStep(): void {
    const { sampler, trainer, trainSteps, publishInterval, witness } = this.#parts;
    const startMs = probes.train.hasSubscribers ? nowMs() : 0;
    sampler.sample();
    trainer.step();
    this.trainSteps++;
    this.#addFigures();
    sampler.learned();
    witness?.trained();
    if (this.trainSteps - this.#committedAt >= publishInterval) this.#commit();
    if (this.#publishedAt < this.#committedAt) this.#tryPublish();
    // After the publication: an actor that waited for this step goes on with the weights that it led to.
    trainSteps.set(this.trainSteps);
    if (startMs > 0) this.#tellTrained(startMs);
  }

  /** Commits and publishes what has been trained since the last time: the last act of a run. */
  finish(): void {
    if (this.#committedAt < this.trainSteps && this.#parts.commitsPartly) this.#commit();
    if (this.#publishedAt < this.#committedAt) this.#tryPublish();
    this.#parts.witness?.finished();
  }

  /** Saves where it stands, so that another could go on from here: a checkpoint is taken of the working state. */
  save(): void {
    const { state, random } = this.#parts;
    state.save(random, { trainSteps: this.trainSteps, committedAt: this.#committedAt });
  }

  #commit(): void {
    const { state, random, figures } = this.#parts;
    state.commit(random, this.trainSteps);
    figures.post(this.trainSteps, this.#sums, this.trainSteps - this.#committedAt);
    this.#sums.fill(0);
    this.#committedAt = this.trainSteps;
  }

  /** A publication that an actor holds up is tried again after the next training step. */
  #tryPublish(): void {
    const { publisher, committed } = this.#parts;
    const startMs = probes.publish.hasSubscribers ? nowMs() : 0;
    if (!publisher.tryPublish(committed)) {
      this.publicationsDelayed++;
      return;
    }
    this.#publishedAt = this.#committedAt;
    this.#parts.state.publishedAt = this.#committedAt;
    if (startMs > 0) this.#tellPublished(startMs);
  }

  #tellTrained(startMs: number): void {
    const { policyId: policy } = this.#parts;
    probes.train.publish({ policy, trainStep: this.trainSteps, startMs, durationMs: nowMs() - startMs });
  }

  #tellPublished(startMs: number): void {
    const { policyId: policy, publisher } = this.#parts;
    const { version } = publisher;
    probes.publish.publish({
      policy,
      version,
      trainStep: this.#publishedAt,
      startMs,
      durationMs: nowMs() - startMs,
    });
  }

  /** Adds up the figures of the training step for the means that a commit posts. */
  #addFigures(): void {
    const { trainer, metricNames, policyId } = this.#parts;
    for (let index = 0; index < this.#sums.length; index++) {
      const figure = trainer.metrics[index];
      if (!Number.isFinite(figure)) {
        throw new MarlinError(
          'ERR_NOT_FINITE',
          `${metricNames[index]} of ${policyId} became ${figure} at training step ${this.trainSteps}.`,
        );
      }
      this.#sums[index] += figure;
    }
  }
}
