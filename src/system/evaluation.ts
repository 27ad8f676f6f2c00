import * as v from 'valibot';
import type { EpisodeOutcome, EpochOutcome } from '../actor/epoch-player.js';
import { count, countOrZero, strictSettings } from '../schemas.js';
import { parseSetting } from '../validation.js';
import type { EvaluationPool } from './evaluation-pool.js';
import type { EvaluationPlan } from './evaluation-task.js';

const optionsSchema = strictSettings({
  episodes: v.optional(count, 100),
  greedy: v.optional(v.boolean(), true),
  seeds: v.optional(v.union([countOrZero, v.pipe(v.array(countOrZero), v.minLength(1))])),
  threads: v.optional(v.pipe(count, v.maxValue(1024))),
  signal: v.optional(v.instance(AbortSignal)),
});

export interface EvaluationOptions {
  /** Epochs of the world to play, for each seed. Default 100. */
  readonly episodes?: number;
  /**
   * True: the best action always. False: as the run plays at that time; an algorithm with ε acts at random with that
   * probability, one whose policy is itself random draws from it. Default true.
   */
  readonly greedy?: boolean;
  /** Name the worlds that are played. Default: the run's own seed; its worlds are others than those of training. */
  readonly seeds?: number | readonly number[];
  /** Threads at the most; results do not depend on it. Default: as many as cores, while the run is under way two fewer. */
  readonly threads?: number;
  /** Gives the evaluation up when aborted: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Of a number of episodes. The standard deviation is that of these episodes themselves (divided by their number). */
export interface EpisodeStatistics {
  readonly episodes: number;
  readonly rewardMean: number;
  readonly rewardStandardDeviation: number;
  readonly rewardMin: number;
  readonly rewardMax: number;
  /** Turns. */
  readonly lengthMean: number;
  /** One entry per episode. */
  readonly rewards: readonly number[];
  readonly lengths: readonly number[];
}

/**
 * Of the agent's own episodes. Where no agent's episode ends before the epoch does, those are the epochs; in a world of
 * independent carts an epoch holds several. An episode that the end of the epoch cuts off counts only where it is the
 * agent's first of that epoch.
 */
export interface AgentEvaluation extends EpisodeStatistics {
  readonly id: string;
  /** The agent's reward in each epoch of the world, in the order of {@link EvaluationSummary.rewards}. */
  readonly epochRewards: readonly number[];
  readonly weightsVersion: number;
  /** Training steps done when its weights were taken. */
  readonly trainSteps: number;
  /** Share of random actions; 0 where `greedy`. */
  readonly epsilon: number;
}

/** Of epochs of the world, the rewards being those of all agents together. */
export interface EvaluationSummary extends EpisodeStatistics {
  readonly greedy: boolean;
  readonly seeds: readonly number[];
  readonly agents: readonly AgentEvaluation[];
}

/** Options with every default but that of `threads`. */
export type ResolvedEvaluationOptions = Required<Omit<EvaluationOptions, 'threads' | 'signal' | 'seeds'>> & {
  readonly seeds: readonly number[];
  readonly threads: number | undefined;
  readonly signal: AbortSignal | undefined;
};

/** @throws ConfigurationError naming the option, its value and the bound */
export function resolveEvaluationOptions(options: EvaluationOptions, runSeed: number): ResolvedEvaluationOptions {
  const { episodes, greedy, seeds = runSeed, threads, signal } = parseSetting(optionsSchema, options, 'evaluate');
  return { episodes, greedy, seeds: Array.isArray(seeds) ? seeds : [seeds], threads, signal };
}

/** Plays what the options ask for and counts it up. */
export async function evaluatePlan(
  pool: EvaluationPool,
  plan: EvaluationPlan,
  options: ResolvedEvaluationOptions,
): Promise<EvaluationSummary> {
  const { episodes, greedy, seeds, signal } = options;
  const epochs = await pool.play(plan, { seeds, epochs: episodes }, greedy, signal);
  return {
    ...statisticsOf(epochs.map(({ turns, agents }) => ({ reward: sum(agents.map(({ reward }) => reward)), turns }))),
    greedy,
    seeds,
    agents: plan.agents.map((_, agent) => evaluationOf(plan, agent, epochs, greedy)),
  };
}

function evaluationOf(
  { agents, policies }: EvaluationPlan,
  agent: number,
  epochs: readonly EpochOutcome[],
  greedy: boolean,
): AgentEvaluation {
  const policy = policies.find((candidate) => candidate.agents.includes(agent));
  const outcomes = epochs.map((epoch) => epoch.agents[agent]);
  return {
    id: agents[agent].id,
    ...statisticsOf(outcomes.flatMap(({ episodes }) => episodes)),
    epochRewards: outcomes.map(({ reward }) => reward),
    weightsVersion: policy?.weightsVersion ?? 0,
    trainSteps: policy?.trainSteps ?? 0,
    epsilon: greedy ? 0 : (policy?.epsilon ?? 0),
  };
}

function statisticsOf(outcomes: readonly EpisodeOutcome[]): EpisodeStatistics {
  const rewards = outcomes.map(({ reward }) => reward);
  const lengths = outcomes.map(({ turns }) => turns);
  const rewardMean = sum(rewards) / rewards.length;
  const variance = sum(rewards.map((reward) => (reward - rewardMean) ** 2)) / rewards.length;
  return {
    episodes: outcomes.length,
    rewardMean,
    rewardStandardDeviation: Math.sqrt(variance),
    // No spread: there may be more episodes than a call takes arguments.
    rewardMin: rewards.reduce((least, reward) => Math.min(least, reward), Infinity),
    rewardMax: rewards.reduce((most, reward) => Math.max(most, reward), -Infinity),
    lengthMean: sum(lengths) / lengths.length,
    rewards,
    lengths,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
