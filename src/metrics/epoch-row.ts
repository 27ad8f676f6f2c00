/**
 * What an actor reports to the main thread at the end of an epoch, and once more when it ends: one row of f64 in a
 * record queue. Counts are totals since the actor began, so that the newest row alone says how things stand.
 *
 * ```
 *   run columns (7) │ agent 0: reward epsilon │ agent 1 … │ policy 0: version lagSum … figures … │ policy 1 …
 * ```
 */
export const runColumns = {
  /** 1 for a whole epoch, 0 for the last row of an actor that stopped inside one. */
  isWholeEpoch: 0,
  /** Epochs completed, this one included. */
  epochs: 1,
  turnsInEpoch: 2,
  /** Turns since the run began. */
  turns: 3,
  /** When the actor began and when it reported: milliseconds since 1970, with fractions. */
  startedMs: 4,
  reportedMs: 5,
  /** Milliseconds that the actor has waited for anything. */
  waitedMs: 6,
} as const;
const runWidth = 7;

export const agentColumns = {
  /** Summed reward of the epoch. */
  reward: 0,
  epsilon: 1,
} as const;
const agentWidth = 2;

export const policyColumns = {
  /** Version of the weights last acted with. */
  weightsVersion: 0,
  /** Actions chosen by weights. */
  actions: 1,
  /** Σ over those actions of the published versions that the weights were behind. */
  weightsLagSum: 2,
  weightsLagMax: 3,
  /** Milliseconds that the actor has waited for this policy's learner. */
  waitedMs: 4,
  /** Owed training steps not yet done, now. */
  trainingLag: 5,
  trainingLagMax: 6,
  /** Rows in its rings. */
  bufferSize: 7,
  /** Training steps done at the learner's last commit; the figures that it posted follow, one column each. */
  committedSteps: 8,
} as const;
const policyWidth = 9;

/** The shape of such rows for a number of agents and policies. */
export class EpochRowShape {
  readonly width: number;
  readonly #policies: readonly number[];

  /** @param figureCounts one entry per policy */
  constructor(agentCount: number, figureCounts: readonly number[]) {
    let end = runWidth + agentCount * agentWidth;
    this.#policies = figureCounts.map((figures) => {
      const first = end;
      end += policyWidth + figures;
      return first;
    });
    this.width = end;
  }

  /** First column of an agent. */
  agent(index: number): number {
    return runWidth + index * agentWidth;
  }

  /** First column of a policy. */
  policy(index: number): number {
    return this.#policies[index];
  }
}
