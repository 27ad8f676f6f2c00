import type { ActorStart } from '../actor/actor.js';
import { RewardWindow } from '../actor/reward-window.js';
import type { WideCounter } from '../buffer/wide-counter.js';
import type { EpochRowShape } from '../metrics/epoch-row.js';
import { agentColumns, policyColumns, runColumns } from '../metrics/epoch-row.js';
import type { PolicyRecord, TrainingRecord } from '../metrics/record.js';
import type { RunShare } from './run-share.js';
import { epochRowShape, trainStepsOf } from './run-share.js';

/** What a monitor must know to go on where another one stopped. Plain data. */
export interface MonitorState {
  readonly epochs: number;
  readonly rewardSum: number;
  readonly rewards: readonly number[];
  readonly iteration: number;
  readonly iterationTurns: number;
  readonly sinceIteration: IterationSums;
  /** The report of the last whole epoch. */
  readonly row: readonly number[];
}

interface IterationSums {
  readonly count: number;
  readonly sum: number;
  readonly least: number;
  readonly most: number;
  readonly turns: number;
  readonly agentSums: readonly number[];
}

/** Rewards of the epochs since the last `iteration` record. */
class IterationRewards {
  count = 0;
  sum = 0;
  least = Infinity;
  most = -Infinity;
  turns = 0;
  readonly agentSums: Float64Array;

  constructor(agentCount: number) {
    this.agentSums = new Float64Array(agentCount);
  }

  /** As JSON has it: there is no infinity. */
  state(): IterationSums {
    const { count, sum, least, most, turns, agentSums } = this;
    return {
      count,
      sum,
      least: count === 0 ? 0 : least,
      most: count === 0 ? 0 : most,
      turns,
      agentSums: [...agentSums],
    };
  }

  restore({ count, sum, least, most, turns, agentSums }: IterationSums): void {
    Object.assign(this, { count, sum, turns });
    if (count > 0) Object.assign(this, { least, most });
    this.agentSums.set(agentSums);
  }

  add(reward: number, turns: number): void {
    this.count++;
    this.sum += reward;
    this.turns += turns;
    this.least = Math.min(this.least, reward);
    this.most = Math.max(this.most, reward);
  }
}

/**
 * Turns the actor's reports into training records, and keeps the totals that the summary is made of. A record says what
 * its report says and nothing else: what the learners have done since must not depend on when the main thread looks.
 */
export class RunMonitor {
  readonly shape: EpochRowShape;
  /** The actor's newest report, and that of the last whole epoch; zeros before the first. */
  readonly lastRow: Float64Array;
  readonly #epochRow: Float64Array;
  readonly window = new RewardWindow();
  epochs = 0;
  rewardSum = 0;

  readonly #share: RunShare;
  /** Training steps done, of each policy. */
  readonly #trainSteps: readonly WideCounter[];
  readonly #emit: (record: TrainingRecord) => void;
  #iteration = 0;
  #rewards: IterationRewards;
  #lastIterationMs = 0;
  #lastIterationTurns = 0;

  /** @param emit takes every record in order */
  constructor(share: RunShare, emit: (record: TrainingRecord) => void) {
    const { plan } = share;
    this.#share = share;
    this.#emit = emit;
    this.shape = epochRowShape(plan.agents.length, plan.policies);
    this.lastRow = new Float64Array(this.shape.width);
    this.#epochRow = new Float64Array(this.shape.width);
    this.#rewards = new IterationRewards(plan.agents.length);
    this.#trainSteps = plan.policies.map((policy, index) => trainStepsOf(share.policyMemories[index].buffer, policy));
  }

  state(): MonitorState {
    return {
      epochs: this.epochs,
      rewardSum: this.rewardSum,
      rewards: this.window.rewards(),
      iteration: this.#iteration,
      iterationTurns: this.#lastIterationTurns,
      sinceIteration: this.#rewards.state(),
      row: [...this.#epochRow],
    };
  }

  /** Turns up to the end of the last whole epoch. */
  get turnsOfEpochs(): number {
    return this.#epochRow[runColumns.turns];
  }

  /** From where an actor goes on that takes the place of one that died: the end of the last whole epoch. */
  actorStart(): ActorStart {
    return { row: [...this.#epochRow], rewards: this.window.rewards() };
  }

  /** Goes on where another one stopped, at this time. */
  restore(state: MonitorState, nowMs: number): void {
    this.epochs = state.epochs;
    this.rewardSum = state.rewardSum;
    this.window.goOn(state.rewards, state.epochs);
    this.#iteration = state.iteration;
    this.#lastIterationTurns = state.iterationTurns;
    this.#lastIterationMs = nowMs;
    this.#rewards.restore(state.sinceIteration);
    this.#epochRow.set(state.row);
    const elapsedMs = state.row[runColumns.reportedMs] - state.row[runColumns.startedMs];
    this.#epochRow[runColumns.startedMs] = nowMs - elapsedMs;
    this.#epochRow[runColumns.reportedMs] = nowMs;
    this.lastRow.set(this.#epochRow);
  }

  /** Training steps done so far, of one policy. */
  trainSteps(policy: number): number {
    return this.#trainSteps[policy].value();
  }

  trainStepsTotal(): number {
    return this.#trainSteps.reduce((sum, counter) => sum + counter.value(), 0);
  }

  /** Takes one row of an actor. */
  take(row: Float64Array): void {
    this.lastRow.set(row);
    if (row[runColumns.isWholeEpoch] === 0) return;
    this.#epochRow.set(row);
    const { plan } = this.#share;
    let reward = 0;
    for (let agent = 0; agent < plan.agents.length; agent++) {
      const own = row[this.shape.agent(agent) + agentColumns.reward];
      reward += own;
      this.#rewards.agentSums[agent] += own;
    }
    this.epochs++;
    this.rewardSum += reward;
    this.window.add(reward);
    this.#rewards.add(reward, row[runColumns.turnsInEpoch]);
    this.#emitEpisode(reward);
    if (this.epochs % plan.configuration.experiment.logInterval === 0) this.#emitIteration();
  }

  #emitEpisode(reward: number): void {
    const row = this.lastRow;
    const { agents } = this.#share.plan;
    this.#emit({
      kind: 'episode',
      timestamp: timestampOf(row[runColumns.reportedMs]),
      episode: this.epochs,
      timesteps_total: row[runColumns.turns],
      episode_reward: reward,
      episode_len: row[runColumns.turnsInEpoch],
      rewards: Object.fromEntries(
        agents.map((agent, index) => [agent.id, row[this.shape.agent(index) + agentColumns.reward]]),
      ),
    });
  }

  #emitIteration(): void {
    const row = this.lastRow;
    const rewards = this.#rewards;
    const { agents, policies } = this.#share.plan;
    const beganMs = this.#iteration === 0 ? row[runColumns.startedMs] : this.#lastIterationMs;
    const seconds = (row[runColumns.reportedMs] - beganMs) / 1000;
    const turns = row[runColumns.turns] - this.#lastIterationTurns;
    this.#iteration++;
    this.#emit({
      kind: 'iteration',
      timestamp: timestampOf(row[runColumns.reportedMs]),
      training_iteration: this.#iteration,
      timesteps_total: row[runColumns.turns],
      episodes_total: this.epochs,
      episode_reward_mean: rewards.sum / rewards.count,
      episode_reward_min: rewards.least,
      episode_reward_max: rewards.most,
      episode_reward_mean_100: this.window.mean,
      episode_len_mean: rewards.turns / rewards.count,
      steps_per_second: round((turns * agents.length) / seconds, 1),
      train_steps_total: policies.reduce((sum, _, index) => sum + this.#column(index, policyColumns.committedSteps), 0),
      policies: Object.fromEntries(policies.map((policy, index) => [policy.id, this.#policyRecord(index)])),
    });
    this.#rewards = new IterationRewards(agents.length);
    this.#lastIterationMs = row[runColumns.reportedMs];
    this.#lastIterationTurns = row[runColumns.turns];
  }

  #policyRecord(index: number): PolicyRecord {
    const policy = this.#share.plan.policies[index];
    const row = this.lastRow;
    const agentRewards = policy.agents.map((agent) => this.#rewards.agentSums[agent]);
    const firstFigure = this.shape.policy(index) + policyColumns.committedSteps + 1;
    const figures = policy.algorithmPlan.metricNames.map((name, figure) => [name, row[firstFigure + figure]] as const);
    const lagSum = this.#column(index, policyColumns.weightsLagSum);
    return {
      reward_mean: agentRewards.reduce((sum, reward) => sum + reward, 0) / this.#rewards.count,
      ...Object.fromEntries(figures),
      epsilon: row[this.shape.agent(policy.agents[0]) + agentColumns.epsilon],
      train_steps: this.#column(index, policyColumns.committedSteps),
      weights_version: this.#column(index, policyColumns.weightsVersion),
      weights_lag_mean: ratio(lagSum, this.#column(index, policyColumns.actions)),
      weights_lag_max: this.#column(index, policyColumns.weightsLagMax),
      training_lag: this.#column(index, policyColumns.trainingLag),
      actor_wait_share: this.actorWaitShare(index),
      buffer_size: this.#column(index, policyColumns.bufferSize),
      custom_metrics: {},
    };
  }

  /** What the newest report says of a policy. */
  #column(policy: number, column: number): number {
    return this.lastRow[this.shape.policy(policy) + column];
  }

  /** Share of the actor's time so far that it waited for this policy's learner. */
  actorWaitShare(policy: number): number {
    const row = this.lastRow;
    const elapsed = row[runColumns.reportedMs] - row[runColumns.startedMs];
    return round(ratio(this.#column(policy, policyColumns.waitedMs), elapsed), 4);
  }
}

/** 0 where there is nothing to divide by. */
export function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

function timestampOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
