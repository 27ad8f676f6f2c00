import { availableParallelism } from 'node:os';
import { stopGraceMs } from '../learner/learner-loop.js';
import { runColumns } from '../metrics/epoch-row.js';
import type { EvaluationRecord, TrainingRecord } from '../metrics/record.js';
import type { EvaluationOptions, EvaluationSummary, ResolvedEvaluationOptions } from './evaluation.js';
import { evaluatePlan, resolveEvaluationOptions } from './evaluation.js';
import { EvaluationPool } from './evaluation-pool.js';
import type { PlayablePolicy } from './playable-policy.js';
import { takeWeights } from './playable-policy.js';
import type { RunMonitor } from './run-monitor.js';
import type { RunShare } from './run-share.js';

/** What the evaluations of a run need of it. */
export interface RunEvaluationsParts {
  readonly share: RunShare;
  readonly monitor: RunMonitor;
  readonly emit: (record: TrainingRecord) => void;
  /** Called when an evaluation that the configuration asked for has failed. */
  readonly onFailure: () => void;
}

/** Evaluates the policies of one run: every so many epochs, and when somebody asks. Training goes on meanwhile. */
export class RunEvaluations {
  readonly #parts: RunEvaluationsParts;
  /** Open while the run is under way; afterwards while it is used. */
  #pool: EvaluationPool | undefined;
  #users = 0;
  #isOver = false;
  /** Ends once every evaluation that the configuration asked for has been recorded; rejects with the first failure. */
  #recorded: Promise<void> = Promise.resolve();
  #epochs = 0;
  readonly #abandon = new AbortController();
  #grace: NodeJS.Timeout | undefined;

  constructor(parts: RunEvaluationsParts) {
    this.#parts = parts;
  }

  /** Evaluates the newest published weights. */
  async evaluate(options: EvaluationOptions): Promise<EvaluationSummary> {
    const resolved = resolveEvaluationOptions(options, this.#parts.share.plan.configuration.experiment.seed);
    resolved.signal?.throwIfAborted();
    return this.#evaluate(await takeWeights(this.#parts.share, this.#parts.monitor.lastRow), resolved);
  }

  /** Looks whether the epochs so far make an evaluation due; called after each report of the actor. */
  afterReport(): void {
    const { share, monitor } = this.#parts;
    const { evaluateEvery, evaluateEpisodes, seed } = share.plan.configuration.experiment;
    if (monitor.epochs === this.#epochs) return;
    this.#epochs = monitor.epochs;
    if (monitor.epochs % evaluateEvery !== 0 || this.#grace !== undefined) return;
    const options = { episodes: evaluateEpisodes, signal: this.#abandon.signal };
    this.#recorded = this.#recordDue(resolveEvaluationOptions(options, seed), this.#recorded);
    // Whoever waits in finish() is told.
    this.#recorded.catch(() => {});
  }

  /** Waits until all evaluations that have been due so far are recorded, or given up. */
  async recorded(): Promise<void> {
    await Promise.allSettled([this.#recorded]);
  }

  /** Waits for the evaluations that the configuration asked for. */
  async finish(): Promise<void> {
    try {
      await this.#recorded;
    } catch (error) {
      // Given up for a stop is no failure.
      if (error !== this.#abandon.signal.reason) throw error;
    } finally {
      clearTimeout(this.#grace);
    }
  }

  /** Somebody wants the run to end: what is due already gets as long as what is still owed in training. */
  stop(): void {
    this.#grace ??= setTimeout(() => this.#abandon.abort(), stopGraceMs).unref();
  }

  /** The run is over: gives up what the configuration asked for, and ends the threads once nobody uses them. */
  async close(): Promise<void> {
    clearTimeout(this.#grace);
    this.#abandon.abort();
    this.#isOver = true;
    await Promise.allSettled([this.#recorded]);
    await this.#closeUnused();
  }

  /** Evaluates the weights of this moment, once those `before` have been; so records come in the order of their epochs. */
  async #recordDue(options: ResolvedEvaluationOptions, before: Promise<void>): Promise<void> {
    const { share, monitor, emit, onFailure } = this.#parts;
    const episodesTotal = monitor.epochs;
    const timestepsTotal = monitor.lastRow[runColumns.turns];
    try {
      const [weights] = await Promise.all([takeWeights(share, monitor.lastRow), before]);
      emit(evaluationRecord(await this.#evaluate(weights, options), episodesTotal, timestepsTotal));
    } catch (error) {
      onFailure();
      throw error;
    }
  }

  async #evaluate(policies: readonly PlayablePolicy[], options: ResolvedEvaluationOptions): Promise<EvaluationSummary> {
    const { environment, agents } = this.#parts.share.plan;
    const plan = { environment, agents, policies };
    if (options.threads !== undefined) {
      const own = new EvaluationPool(options.threads);
      return evaluatePlan(own, plan, options).finally(() => own.close());
    }
    this.#users++;
    try {
      this.#pool ??= new EvaluationPool(spareThreads(this.#isOver));
      return await evaluatePlan(this.#pool, plan, options);
    } finally {
      this.#users--;
      await this.#closeUnused();
    }
  }

  async #closeUnused(): Promise<void> {
    if (!this.#isOver || this.#users > 0) return;
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.close();
  }
}

/** While the run is under way an actor and a learner have two cores. */
function spareThreads(isOver: boolean): number {
  const cores = availableParallelism();
  return isOver ? cores : Math.max(1, cores - 2);
}

function evaluationRecord(summary: EvaluationSummary, episodesTotal: number, timestepsTotal: number): EvaluationRecord {
  return {
    kind: 'evaluation',
    timestamp: new Date().toISOString(),
    episodes_total: episodesTotal,
    timesteps_total: timestepsTotal,
    episodes: summary.episodes,
    episode_reward_mean: summary.rewardMean,
    episode_reward_std: summary.rewardStandardDeviation,
    episode_reward_min: summary.rewardMin,
    episode_reward_max: summary.rewardMax,
    episode_len_mean: summary.lengthMean,
    agents: Object.fromEntries(
      summary.agents.map((agent) => [
        agent.id,
        {
          episodes: agent.episodes,
          reward_mean: agent.rewardMean,
          reward_std: agent.rewardStandardDeviation,
          reward_min: agent.rewardMin,
          reward_max: agent.rewardMax,
          len_mean: agent.lengthMean,
          weights_version: agent.weightsVersion,
          train_steps: agent.trainSteps,
        },
      ]),
    ),
  };
}
