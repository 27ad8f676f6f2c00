/**
 * Training records: one type of line for every reader. Keys are snake_case because other tools read them.
 * See docs/records.md for the meaning and unit of each.
 */
export interface PolicyRecord {
  /** Mean summed reward of its agents per epoch, over the epochs of the record. */
  readonly reward_mean: number;
  /** Training figures named by the algorithm (`loss`, …): means over the training steps of the policy's last commit. */
  readonly [figure: string]: number | Readonly<Record<string, number>>;
  readonly epsilon: number;
  readonly train_steps: number;
  readonly weights_version: number;
  /** Published versions that the weights behind its actions were behind the newest. */
  readonly weights_lag_mean: number;
  readonly weights_lag_max: number;
  /** Owed training steps not yet done. */
  readonly training_lag: number;
  /** Share of the actor's time spent waiting for this policy's learner. */
  readonly actor_wait_share: number;
  /** Rows in its rings. */
  readonly buffer_size: number;
  readonly custom_metrics: Readonly<Record<string, number>>;
}

interface RecordBase {
  /** ISO 8601, UTC. */
  readonly timestamp: string;
}

/** How training stands, every `logInterval` epochs. Rewards are over the epochs since the last such record. */
export interface IterationRecord extends RecordBase {
  readonly kind: 'iteration';
  /** Number of this record, from 1. */
  readonly training_iteration: number;
  /** Turns since the run began. */
  readonly timesteps_total: number;
  readonly episodes_total: number;
  readonly episode_reward_mean: number;
  readonly episode_reward_min: number;
  readonly episode_reward_max: number;
  /** Over the last 100 epochs, or as many as there are. */
  readonly episode_reward_mean_100: number;
  readonly episode_len_mean: number;
  /** Agent steps (turns × agents) per second since the last such record. */
  readonly steps_per_second: number;
  readonly train_steps_total: number;
  readonly policies: Readonly<Record<string, PolicyRecord>>;
}

/** One epoch of the world. */
export interface EpisodeRecord extends RecordBase {
  readonly kind: 'episode';
  /** Number of the epoch, from 1. */
  readonly episode: number;
  readonly timesteps_total: number;
  /** Reward of all agents together. */
  readonly episode_reward: number;
  readonly episode_len: number;
  readonly rewards: Readonly<Record<string, number>>;
}

/** One agent in an evaluation: of its own episodes, see docs/evaluation.md. */
export interface AgentEvaluationRecord {
  readonly episodes: number;
  readonly reward_mean: number;
  readonly reward_std: number;
  readonly reward_min: number;
  readonly reward_max: number;
  readonly len_mean: number;
  readonly weights_version: number;
  /** Training steps done when its weights were taken. */
  readonly train_steps: number;
}

/** How the policies play without exploration, every `evaluateEvery` epochs. */
export interface EvaluationRecord extends RecordBase {
  readonly kind: 'evaluation';
  /** Epochs and turns of the run after which the weights were taken. */
  readonly episodes_total: number;
  readonly timesteps_total: number;
  /** Epochs of the world that were played; what follows is of those, rewards of all agents together. */
  readonly episodes: number;
  readonly episode_reward_mean: number;
  /** Standard deviation of these episodes themselves (divided by their number). */
  readonly episode_reward_std: number;
  readonly episode_reward_min: number;
  readonly episode_reward_max: number;
  readonly episode_len_mean: number;
  readonly agents: Readonly<Record<string, AgentEvaluationRecord>>;
}

/** A worker failed. */
export interface FaultRecord extends RecordBase {
  readonly kind: 'fault';
  readonly worker: string;
  readonly code: string | undefined;
  readonly message: string;
  /** Whether another thread took its place; if not, the run failed with it, and this is its last record. */
  readonly recovered: boolean;
  /** Where a learner's thread was replaced: training steps since the last commits, which are done once more. */
  readonly train_steps_lost?: number;
  /** Where an actor's thread was replaced: turns since the epoch began, which is played once more. */
  readonly turns_lost?: number;
}

/** The last record of a run that ended in good order. */
export interface DoneRecord extends RecordBase {
  readonly kind: 'done';
  readonly reason: EndReason;
  readonly timesteps_total: number;
  readonly episodes_total: number;
  readonly train_steps_total: number;
  readonly seconds: number;
  readonly episode_reward_mean: number;
  readonly episode_reward_mean_100: number;
  readonly weights_hashes: Readonly<Record<string, string>>;
  /** What computed the networks: `kernels`, or TensorFlow.js with its version and backend. */
  readonly network_engines: Readonly<Record<string, string>>;
}

/** Why a run ended: a stop condition held, or somebody asked. */
export type EndReason = 'finished' | 'stopped';

export type TrainingRecord = IterationRecord | EpisodeRecord | EvaluationRecord | FaultRecord | DoneRecord;

/** Takes records as they come. A sink must not throw for what it cannot deliver; `close` may. */
export interface RecordSink {
  write(record: TrainingRecord): void;
  /** Rejects where something that was written could not be delivered: the run then fails. */
  flush?(): Promise<void>;
  /** Everything written is where it belongs when this resolves. */
  close(): Promise<void>;
}
