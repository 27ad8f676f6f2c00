import { createHash } from 'node:crypto';
import { owedTrainSteps } from '../algorithms/training-rate.js';
import { newestVersion } from '../buffer/weight-slots.js';
import { policyColumns, runColumns } from '../metrics/epoch-row.js';
import type { EndReason } from '../metrics/record.js';
import type { RunMonitor } from './run-monitor.js';
import { ratio } from './run-monitor.js';
import { networkEngines } from './run-plan.js';
import type { RunShare } from './run-share.js';
import { onlineParameters } from './run-share.js';

/** How one agent's policy fared. */
export interface AgentSummary {
  readonly id: string;
  /**
   * Training steps done, and what the turns taken earned. Equal, unless the run was stopped with much in arrears or was
   * over before its rings held a batch.
   */
  readonly trainSteps: number;
  readonly owedTrainSteps: number;
  /** Publications; the initial weights are version 0. */
  readonly weightsVersion: number;
  /** Versions that the weights behind its actions were behind the newest. */
  readonly weightsLagMean: number;
  readonly weightsLagMax: number;
  /** Most training steps that were owed and not yet done at the end of a turn. */
  readonly trainingLagMax: number;
  /** Share of the actor's time spent waiting for this policy's learner. */
  readonly actorWaitShare: number;
  /** SHA-256 of the online parameters, hexadecimal. */
  readonly weightsHash: string;
  /** What computed its network: `kernels`, or for a custom one for example `TensorFlow.js 4.22.0, wasm`. */
  readonly networkEngine: string;
}

/** What `run()` resolves to. */
export interface RunSummary {
  /** Why the run ended. */
  readonly reason: EndReason;
  /** Whole epochs. */
  readonly epochs: number;
  readonly turns: number;
  /** turns × agents */
  readonly agentSteps: number;
  /** Of all policies. */
  readonly trainSteps: number;
  /** From the actor's start to the last training step. */
  readonly seconds: number;
  readonly agentStepsPerSecond: number;
  readonly trainStepsPerSecond: number;
  /** Mean over epochs of all agents' summed reward; NaN without a whole epoch. */
  readonly rewardMean: number;
  /** The same over the last 100 epochs, or as many as there are. */
  readonly rewardMeanLast100: number;
  /** Run directory; undefined where no files were asked for. */
  readonly directory: string | undefined;
  readonly agents: readonly AgentSummary[];
}

/** SHA-256 of the online parameters of a policy, hexadecimal. */
export function hashOf(share: RunShare, index: number): string {
  return createHash('sha256').update(onlineParameters(share, index)).digest('hex');
}

/**
 * @param endedMs when the last training step was done, milliseconds since 1970
 */
export function summarize(share: RunShare, monitor: RunMonitor, reason: EndReason, endedMs: number): RunSummary {
  const { plan } = share;
  const row = monitor.lastRow;
  const turns = row[runColumns.turns];
  const seconds = Math.max(0, endedMs - row[runColumns.startedMs]) / 1000;
  const agentSteps = turns * plan.agents.length;
  const trainSteps = monitor.trainStepsTotal();
  const engines = networkEngines(plan);
  return {
    reason,
    epochs: monitor.epochs,
    turns,
    agentSteps,
    trainSteps,
    seconds,
    agentStepsPerSecond: ratio(agentSteps, seconds),
    trainStepsPerSecond: ratio(trainSteps, seconds),
    rewardMean: monitor.rewardSum / monitor.epochs,
    rewardMeanLast100: monitor.window.mean,
    directory: plan.configuration.output.directory,
    agents: plan.policies.map((policy, index) => {
      const first = monitor.shape.policy(index);
      return {
        id: policy.id,
        trainSteps: monitor.trainSteps(index),
        owedTrainSteps: owedTrainSteps(turns, policy.pace.rate),
        weightsVersion: newestVersion(share.policyMemories[index].buffer, policy.weights),
        weightsLagMean: ratio(row[first + policyColumns.weightsLagSum], row[first + policyColumns.actions]),
        weightsLagMax: row[first + policyColumns.weightsLagMax],
        trainingLagMax: row[first + policyColumns.trainingLagMax],
        actorWaitShare: monitor.actorWaitShare(index),
        weightsHash: hashOf(share, index),
        networkEngine: engines[policy.id],
      };
    }),
  };
}
