import { RewardWindow } from '../actor/reward-window.js';
import { ringControlView } from '../buffer/ring-plan.js';
import { publishedRows } from '../buffer/ring-occupancy.js';
import type { SharedFigures } from '../buffer/shared-figures.js';
import { newestVersion } from '../buffer/weight-slots.js';
import type { WideCounter } from '../buffer/wide-counter.js';
import { agentColumns, EpochRowShape, policyColumns, runColumns } from '../metrics/epoch-row.js';
import type { PolicyRecord, TrainingRecord } from '../metrics/record.js';
import type { RunShare } from './run-share.js';
import { figuresOf, trainStepsOf } from './run-share.js';

/** What the main thread can see of one policy while it trains. */
interface PolicyView {
  readonly trainSteps: WideCounter;
  readonly figures: SharedFigures;
  readonly ringControls: readonly Int32Array[];
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

  add(reward: number, turns: number): void {
    this.count++;
    this.sum += reward;
    this.turns += turns;
    this.least = Math.min(this.least, reward);
    this.most = Math.max(this.most, reward);
  }
}

/** Turns the actor's reports into training records, and keeps the totals that the summary is made of. */
export class RunMonitor {
  readonly shape: EpochRowShape;
  /** The actor's newest report. */
  readonly lastRow: Float64Array;
  readonly window = new RewardWindow();
  epochs = 0;
  rewardSum = 0;

  readonly #share: RunShare;
  readonly #views: readonly PolicyView[];
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
    this.shape = new EpochRowShape(plan.agents.length, plan.policies.length);
    this.lastRow = new Float64Array(this.shape.width);
    this.#rewards = new IterationRewards(plan.agents.length);
    this.#views = plan.policies.map((policy, index) => {
      const { buffer } = share.policyMemories[index];
      return {
        trainSteps: trainStepsOf(buffer, policy),
        figures: figuresOf(buffer, policy),
        ringControls: policy.actors.map((_, actor) => ringControlView(buffer, policy.rings, actor)),
      };
    });
  }

  /** Training steps done so far, of one policy. */
  trainSteps(policy: number): number {
    return this.#views[policy].trainSteps.value();
  }

  trainStepsTotal(): number {
    return this.#views.reduce((sum, view) => sum + view.trainSteps.value(), 0);
  }

  /** Takes one row of an actor. */
  take(row: Float64Array): void {
    this.lastRow.set(row);
    if (row[runColumns.isWholeEpoch] === 0) return;
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
      train_steps_total: this.trainStepsTotal(),
      policies: Object.fromEntries(policies.map((policy, index) => [policy.id, this.#policyRecord(index)])),
    });
    this.#rewards = new IterationRewards(agents.length);
    this.#lastIterationMs = row[runColumns.reportedMs];
    this.#lastIterationTurns = row[runColumns.turns];
  }

  #policyRecord(index: number): PolicyRecord {
    const { plan, policyMemories } = this.#share;
    const policy = plan.policies[index];
    const view = this.#views[index];
    const row = this.lastRow;
    const first = this.shape.policy(index);
    const agentRewards = policy.agents.map((agent) => this.#rewards.agentSums[agent]);
    const figures = policy.algorithmPlan.metricNames.map((name, figure) => [name, view.figures.get(figure)] as const);
    return {
      reward_mean: agentRewards.reduce((sum, reward) => sum + reward, 0) / this.#rewards.count,
      ...Object.fromEntries(figures),
      epsilon: row[this.shape.agent(policy.agents[0]) + agentColumns.epsilon],
      train_steps: view.trainSteps.value(),
      weights_version: newestVersion(policyMemories[index].buffer, policy.weights),
      weights_lag_mean: ratio(row[first + policyColumns.weightsLagSum], row[first + policyColumns.actions]),
      weights_lag_max: row[first + policyColumns.weightsLagMax],
      training_lag: row[first + policyColumns.trainingLag],
      actor_wait_share: this.actorWaitShare(index),
      buffer_size: view.ringControls.reduce((sum, words) => sum + publishedRows(words, policy.rings), 0),
      custom_metrics: {},
    };
  }

  /** Share of the actor's time so far that it waited for this policy's learner. */
  actorWaitShare(policy: number): number {
    const row = this.lastRow;
    const elapsed = row[runColumns.reportedMs] - row[runColumns.startedMs];
    return round(ratio(row[this.shape.policy(policy) + policyColumns.waitedMs], elapsed), 4);
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
