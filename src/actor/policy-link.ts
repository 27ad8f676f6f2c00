import type { TrainingRate } from '../algorithms/training-rate.js';
import { owedTrainSteps } from '../algorithms/training-rate.js';
import type { CommitFigures } from '../buffer/commit-figures.js';
import { publishedRows } from '../buffer/ring-occupancy.js';
import type { RingPlan } from '../buffer/ring-plan.js';
import type { WeightReader } from '../buffer/weights.js';
import type { WideCounter } from '../buffer/wide-counter.js';
import { policyColumns } from '../metrics/epoch-row.js';

/** What an actor needs to know of a policy's rings and learner. */
export interface PolicyLinkParts {
  readonly id: string;
  readonly reader: WeightReader;
  /** Training steps that the learner has done. */
  readonly trainSteps: WideCounter;
  readonly rate: TrainingRate;
  /** Owed training steps that the learner may be behind before the actor waits. */
  readonly maxTrainingLag: number;
  /** What the learner posts with each commit. */
  readonly figures: Pick<CommitFigures, 'read'>;
  /** Control words of the policy's rings, and their plan. */
  readonly rings: readonly Int32Array[];
  readonly ringPlan: RingPlan;
  /** Lockstep: turns up to which the learner has done all that it could. Undefined in other executions. */
  readonly meeting?: WideCounter | undefined;
  /** Whether the rings hold what the learner needs for its first batch. */
  readonly canTrain: () => boolean;
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
  #canTrain = false;
  /** Version of the last weights that the actor before chose by; −1 where there are none. */
  #versionBefore = -1;

  constructor(parts: PolicyLinkParts) {
    this.id = parts.id;
    this.reader = parts.reader;
    this.#parts = parts;
  }

  /** Counts an action that the acquired weights chose. */
  noteAction(): void {
    const lag = this.reader.lag();
    this.actions++;
    this.weightsLagSum += lag;
    if (lag > this.weightsLagMax) this.weightsLagMax = lag;
  }

  /** Rows in the policy's rings. */
  bufferSize(): number {
    const { rings, ringPlan } = this.#parts;
    let rows = 0;
    for (let ring = 0; ring < rings.length; ring++) rows += publishedRows(rings[ring], ringPlan);
    return rows;
  }

  /** Writes how things stand to a report, from column `first` on. */
  report(row: Float64Array, first: number): void {
    const { version } = this.reader;
    row[first + policyColumns.weightsVersion] = version < 0 ? this.#versionBefore : version;
    row[first + policyColumns.actions] = this.actions;
    row[first + policyColumns.weightsLagSum] = this.weightsLagSum;
    row[first + policyColumns.weightsLagMax] = this.weightsLagMax;
    row[first + policyColumns.waitedMs] = this.waitedMs;
    row[first + policyColumns.trainingLag] = this.trainingLag;
    row[first + policyColumns.trainingLagMax] = this.trainingLagMax;
    row[first + policyColumns.bufferSize] = this.bufferSize();
    this.#parts.figures.read(row, first + policyColumns.committedSteps);
  }

  /** Counts on from a report of the actor before. */
  goOn(row: ArrayLike<number>, first: number): void {
    this.actions = row[first + policyColumns.actions];
    if (this.actions > 0) this.#versionBefore = row[first + policyColumns.weightsVersion];
    this.weightsLagSum = row[first + policyColumns.weightsLagSum];
    this.weightsLagMax = row[first + policyColumns.weightsLagMax];
    this.waitedMs = row[first + policyColumns.waitedMs];
    this.trainingLagMax = row[first + policyColumns.trainingLagMax];
  }

  /** Training steps that the policy owes after `turns` turns. */
  owed(turns: number): number {
    return owedTrainSteps(turns, this.#parts.rate);
  }

  /** Looks how many owed training steps the learner has not done after `turns` turns. */
  look(turns: number): void {
    this.trainingLag = this.owed(turns) - this.#parts.trainSteps.value();
    if (this.trainingLag > this.trainingLagMax) this.trainingLagMax = this.trainingLag;
  }

  /**
   * True when the learner is more than `maxTrainingLag` steps behind and has what it needs to catch up. Without a full
   * batch it cannot train, and waiting for it would be a deadlock. In lockstep the learner itself says whether it has.
   */
  isBehind(turns: number): boolean {
    const { maxTrainingLag, meeting } = this.#parts;
    this.look(turns);
    if (this.trainingLag <= maxTrainingLag) return false;
    if (meeting !== undefined) return meeting.value() < turns;
    this.#canTrain ||= this.#parts.canTrain();
    return this.#canTrain;
  }
}
