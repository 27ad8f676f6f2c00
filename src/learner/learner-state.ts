import type { BlockMover } from '../buffer/block-mover.js';
import { commitFiguresWords } from '../buffer/commit-figures.js';
import type { Layout } from '../buffer/layout.js';
import { alignUp, sectionAlignment } from '../buffer/layout.js';
import { WideCounter, wideCounterWords } from '../buffer/wide-counter.js';
import { RandomStream } from '../random.js';

/**
 * Where the state of one learner lies in policy memory: byte offsets, plain data.
 *
 * ```
 * control    phase │ training steps done │ training step published │ figures │ sums of figures since the last commit
 * working    ┌ 128 bytes: random stream, progress ┐┌ the algorithm's state, parameters first ┐┌ the sampler's ┐
 * committed  └ the same again: the last state that may be published                                                  ┘
 * ```
 */
export interface LearnerStatePlan {
  readonly control: number;
  readonly working: number;
  readonly committed: number;
  /** Byte offset of the sampler's working state. */
  readonly sampler: number;
  /** Bytes of one copy. */
  readonly bytes: number;
  /** Number of figures, and where they lie; see `CommitFigures`. */
  readonly figureCount: number;
  readonly figures: number;
  /** f64 [figureCount]: sums over the training steps since the last commit. */
  readonly sums: number;
}

const headerBytes = sectionAlignment;

export function planLearnerState(
  layout: Layout,
  algorithmBytes: number,
  samplerBytes: number,
  figureCount: number,
): LearnerStatePlan {
  const samplerStart = headerBytes + alignUp(algorithmBytes);
  const bytes = samplerStart + alignUp(samplerBytes);
  const control = layout.reserve(sectionAlignment);
  const figures = layout.reserve(commitFiguresWords(figureCount) * 4);
  const sums = layout.reserve(figureCount * 8);
  const working = layout.reserve(bytes);
  return {
    control,
    figures,
    sums,
    working,
    sampler: working + samplerStart,
    committed: layout.reserve(bytes),
    bytes,
    figureCount,
  };
}

/** Byte offset of the algorithm's working state. */
export function algorithmState(plan: LearnerStatePlan): number {
  return plan.working + headerBytes;
}

/** Byte offset of the committed parameters: what is published. */
export function committedParameters(plan: LearnerStatePlan): number {
  return plan.committed + headerBytes;
}

/** Int32 words of the control line at which its two counts begin. */
export const trainStepsWord = 1;
const publishedWord = trainStepsWord + wideCounterWords;
const phaseWord = 0;
const phase = { training: 0, committing: 1 } as const;
const randomWords = 4;

/** How far a learner is: training steps done, and those of its last commit. */
export interface LearnerProgress {
  readonly trainSteps: number;
  readonly committedAt: number;
}

/**
 * The two copies of a learner's state. A learner works on one and commits it before it publishes, so that nothing
 * published is ever rolled back, and so that a learner killed at any instruction can be followed by another.
 *
 * ```
 *              commit: phase := committing, working → committed, phase := training
 *   killed while `training`:   recover copies committed → working (some training steps are lost)
 *   killed while `committing`: the working state is whole, recover commits it again (none is lost)
 * ```
 */
export class LearnerState {
  readonly #plan: LearnerStatePlan;
  readonly #control: Int32Array;
  readonly #random: Int32Array;
  readonly #progress: Float64Array;
  readonly #committedProgress: Float64Array;
  readonly #published: WideCounter;
  readonly #mover: BlockMover;

  constructor(buffer: SharedArrayBuffer, plan: LearnerStatePlan, mover: BlockMover) {
    this.#plan = plan;
    this.#control = new Int32Array(buffer, plan.control, publishedWord + wideCounterWords);
    this.#published = new WideCounter(this.#control, publishedWord);
    this.#committedProgress = new Float64Array(buffer, plan.committed + randomWords * 4, 2);
    this.#random = new Int32Array(buffer, plan.working, randomWords);
    this.#progress = new Float64Array(buffer, plan.working + randomWords * 4, 2);
    this.#mover = mover;
  }

  /** Saves where the learner stands, so that another could go on from the working state. Allocates one small array. */
  save(random: RandomStream, { trainSteps, committedAt }: LearnerProgress): void {
    this.#random.set(random.state());
    this.#progress[0] = trainSteps;
    this.#progress[1] = committedAt;
  }

  /** Saves where the learner stands and commits the working state. */
  commit(random: RandomStream, trainSteps: number): void {
    this.save(random, { trainSteps, committedAt: trainSteps });
    this.#copyToCommitted();
  }

  /** Makes the working state whole again after a learner died; a new one then goes on from it. */
  recover(): void {
    if (Atomics.load(this.#control, phaseWord) === phase.committing) this.#copyToCommitted();
    else this.#mover.copyBytes(this.#plan.working, this.#plan.committed, this.#plan.bytes);
  }

  /** The random stream as saved in the working state. */
  savedRandom(): RandomStream {
    return RandomStream.fromState([...this.#random]);
  }

  /** How far the learner is by the working state. */
  savedProgress(): LearnerProgress {
    const [trainSteps, committedAt] = this.#progress;
    return { trainSteps, committedAt };
  }

  /** Training steps that {@link recover} would go back to, or on to. */
  recoverableTrainSteps(): number {
    const isCommitting = Atomics.load(this.#control, phaseWord) === phase.committing;
    return isCommitting ? this.#progress[0] : this.#committedProgress[0];
  }

  /**
   * Training step of the last commit that was published. No part of what a recovery takes back, for nothing published
   * ever is; a learner that dies between a publication and this word publishes the same once more.
   */
  get publishedAt(): number {
    return this.#published.value();
  }

  set publishedAt(trainSteps: number) {
    this.#published.set(trainSteps);
  }

  #copyToCommitted(): void {
    // A read-modify-write: no byte of the committed state may change before the phase says that it does.
    Atomics.exchange(this.#control, phaseWord, phase.committing);
    this.#mover.copyBytes(this.#plan.committed, this.#plan.working, this.#plan.bytes);
    // Releases the copy: once the phase says `training`, the committed state is whole.
    Atomics.store(this.#control, phaseWord, phase.training);
  }
}
