import type { TrainingRate } from '../algorithms/training-rate.js';
import { owedTrainSteps } from '../algorithms/training-rate.js';
import { batchIsReady } from '../buffer/ring-occupancy.js';
import type { RingPlan } from '../buffer/ring-plan.js';
import { ringControlView } from '../buffer/ring-plan.js';
import type { WeightReader } from '../buffer/weights.js';
import type { WideCounter } from '../buffer/wide-counter.js';

/** What an actor needs to know of a policy's rings and learner. */
export interface PolicyLinkParts {
  readonly id: string;
  readonly reader: WeightReader;
  /** Training steps that the learner has done. */
  readonly trainSteps: WideCounter;
  readonly rate: TrainingRate;
  readonly buffer: SharedArrayBuffer;
  readonly rings: RingPlan;
  readonly batchSize: number;
  /** n of the n-step return. */
  readonly steps: number;
}

/** An actor's view of one policy: its weights, how far its learner is behind, and the record of both. */
export class PolicyLink {
  readonly id: string;
  readonly reader: WeightReader;
  /** Actions chosen by this policy's weights. */
  actions = 0;
  /** Σ over those actions of the published versions that the weights were behind. */
  weightsLagSum = 0;
  weightsLagMax = 0;
  /** Owed training steps not yet done, at the last look. */
  trainingLag = 0;
  trainingLagMax = 0;
  /** Milliseconds that the actor has waited for this policy's learner. */
  waitedMs = 0;

  readonly #parts: PolicyLinkParts;
  readonly #ringControls: readonly Int32Array[];
  #isReady = false;

  constructor(parts: PolicyLinkParts) {
    this.id = parts.id;
    this.reader = parts.reader;
    this.#parts = parts;
    this.#ringControls = Array.from({ length: parts.rings.rings }, (_, ring) =>
      ringControlView(parts.buffer, parts.rings, ring),
    );
  }

  /** Counts an action that the acquired weights chose. */
  noteAction(): void {
    const lag = this.reader.newestVersion() - this.reader.version;
    this.actions++;
    this.weightsLagSum += lag;
    if (lag > this.weightsLagMax) this.weightsLagMax = lag;
  }

  /** Looks how many owed training steps the learner has not done after `turns` turns. */
  look(turns: number): void {
    this.trainingLag = owedTrainSteps(turns, this.#parts.rate) - this.#parts.trainSteps.value();
    if (this.trainingLag > this.trainingLagMax) this.trainingLagMax = this.trainingLag;
  }

  /**
   * True when the learner is more than `maxTrainingLag` steps behind and has what it needs to catch up. Without a full
   * batch it cannot train, and waiting for it would be a deadlock.
   */
  isBehind(turns: number, maxTrainingLag: number): boolean {
    this.look(turns);
    if (this.trainingLag <= maxTrainingLag) return false;
    this.#isReady ||= batchIsReady(this.#ringControls, this.#parts.rings, this.#parts.batchSize, this.#parts.steps);
    return this.#isReady;
  }
}
