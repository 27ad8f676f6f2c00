import { MarlSystem } from 'marlin-rl';
import type { EpisodeRecord, IterationRecord, TrainingRecord } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import type { Run } from './trial-run.js';
import { runAndRecord, trial } from './trial-run.js';

function episodesOf(records: readonly TrainingRecord[]): EpisodeRecord[] {
  return records.filter((record) => record.kind === 'episode');
}

function iterationsOf(records: readonly TrainingRecord[]): IterationRecord[] {
  return records.filter((record) => record.kind === 'iteration');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const experiment = { epochs: 12, logInterval: 5, maxTurns: 20 };

describe.each(['sequential', 'async'] as const)('records of a run: %s', (execution) => {
  async function shortRun(): Promise<Run> {
    return runAndRecord(trial({}, { experiment, parallel: { execution, trainInterval: 1 } }));
  }

  it('come in order: each episode, every logInterval of them an iteration, done at the end', async () => {
    const { records } = await shortRun();
    const five = Array.from({ length: 5 }, () => 'episode');
    expect(records.map((record) => record.kind)).toEqual([
      ...five,
      'iteration',
      ...five,
      'iteration',
      'episode',
      'episode',
      'done',
    ]);
    const times = records.map((record) => Date.parse(record.timestamp));
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    expect(records.every((record) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(record.timestamp))).toBe(true);
  });

  it('of episodes add up', async () => {
    const { records, summary } = await shortRun();
    const episodes = episodesOf(records);
    expect(episodes.map((record) => record.episode)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    expect(episodes.map((record) => record.timesteps_total)).toEqual(episodes.map((record) => 20 * record.episode));
    for (const record of episodes) {
      expect(record.episode_len).toBe(20);
      expect(Object.keys(record.rewards)).toEqual(['agent-0', 'agent-1']);
      expect(record.episode_reward).toBeCloseTo(sum(Object.values(record.rewards)), 9);
    }
    const mean = sum(episodes.map((record) => record.episode_reward)) / 12;
    expect(summary.rewardMean).toBeCloseTo(mean, 9);
    expect(summary.rewardMeanLast100).toBeCloseTo(mean, 9);
  });

  it('of iterations say what the episodes since the last one said', async () => {
    const { records } = await shortRun();
    const episodes = episodesOf(records);
    iterationsOf(records).forEach((record, index) => {
      const own = episodes.slice(5 * index, 5 * index + 5).map((episode) => episode.episode_reward);
      expect(record).toMatchObject({
        training_iteration: index + 1,
        timesteps_total: 100 * (index + 1),
        episodes_total: 5 * (index + 1),
        episode_reward_min: Math.min(...own),
        episode_reward_max: Math.max(...own),
        episode_len_mean: 20,
      });
      expect(record.episode_reward_mean).toBeCloseTo(sum(own) / 5, 9);
      const soFar = episodes.slice(0, 5 * index + 5).map((episode) => episode.episode_reward);
      expect(record.episode_reward_mean_100).toBeCloseTo(sum(soFar) / soFar.length, 9);
      expect(record.steps_per_second).toBeGreaterThan(0);
      const ofPolicies = Object.values(record.policies).map((policy) => policy.reward_mean);
      expect(sum(ofPolicies)).toBeCloseTo(record.episode_reward_mean, 9);
    });
  });

  it('have the keys of the specification', async () => {
    const { records } = await shortRun();
    const last = iterationsOf(records).at(-1);
    expect(Object.keys(last ?? {}).toSorted()).toEqual([
      'episode_len_mean',
      'episode_reward_max',
      'episode_reward_mean',
      'episode_reward_mean_100',
      'episode_reward_min',
      'episodes_total',
      'kind',
      'policies',
      'steps_per_second',
      'timestamp',
      'timesteps_total',
      'train_steps_total',
      'training_iteration',
    ]);
    const policies = last?.policies ?? {};
    expect(Object.keys(policies)).toEqual(['agent-0', 'agent-1']);
    for (const policy of Object.values(policies)) {
      expect(Object.keys(policy).toSorted()).toEqual([
        'actor_wait_share',
        'buffer_size',
        'custom_metrics',
        'epsilon',
        'gradient_norm',
        'loss',
        'q_mean',
        'reward_mean',
        'td_error_mean',
        'train_steps',
        'training_lag',
        'weights_lag_max',
        'weights_lag_mean',
        'weights_version',
      ]);
      // 200 turns and 10 boundary rows.
      expect(policy.buffer_size).toBeGreaterThanOrEqual(210);
      expect(policy.epsilon).toBeGreaterThan(0);
      expect(policy.epsilon).toBeLessThan(1);
      expect(policy.actor_wait_share).toBeGreaterThanOrEqual(0);
      expect(policy.actor_wait_share).toBeLessThanOrEqual(1);
      expect(policy.loss).toBeGreaterThan(0);
    }
  });

  it('are lines of JSON without null', async () => {
    const { records } = await shortRun();
    expect(records.map((record) => JSON.stringify(record)).filter((line) => line.includes('null'))).toEqual([]);
  });

  it('end with what the summary says', async () => {
    const { records, summary } = await shortRun();
    expect(records.at(-1)).toEqual({
      kind: 'done',
      timestamp: expect.any(String),
      reason: 'finished',
      timesteps_total: 240,
      episodes_total: 12,
      train_steps_total: 400,
      seconds: summary.seconds,
      episode_reward_mean: summary.rewardMean,
      episode_reward_mean_100: summary.rewardMeanLast100,
      weights_hashes: Object.fromEntries(summary.agents.map((agent) => [agent.id, agent.weightsHash])),
      network_engines: Object.fromEntries(summary.agents.map((agent) => [agent.id, 'kernels'])),
    });
    expect(summary.agents[0]?.weightsHash).toMatch(/^[0-9a-f]{64}$/);
    expect(summary.agentStepsPerSecond).toBeCloseTo(480 / summary.seconds, 6);
    expect(summary.trainStepsPerSecond).toBeCloseTo(400 / summary.seconds, 6);
  });
});

it('a main thread that is busy for longer than the queue of reports lasts loses none', async () => {
  const configuration = trial(
    { episodeTurns: 1, agents: 1 },
    { experiment: { epochs: 9_000, logInterval: 1_000 }, parallel: { learningStarts: 1_000_000 } },
  );
  const records: TrainingRecord[] = [];
  const system = new MarlSystem(configuration).addSink({
    write: (record) => {
      // Several times longer than the actor needs to fill it.
      const until = performance.now() + (records.length === 0 ? 300 : 0);
      while (performance.now() < until);
      records.push(record);
    },
    close: async () => {},
  });
  const summary = await system.run();
  expect(summary.epochs).toBe(9_000);
  const episodes = episodesOf(records);
  expect(episodes).toHaveLength(9_000);
  expect(episodes.every((record, index) => record.episode === index + 1)).toBe(true);
  expect(iterationsOf(records)).toHaveLength(9);
});

it('the last 100 epochs are those, once there are more', async () => {
  const { records, summary } = await runAndRecord(
    trial({ episodeTurns: 1 }, { experiment: { epochs: 250 }, parallel: { execution: 'sequential' } }),
  );
  const last = episodesOf(records).slice(-100);
  expect(summary.rewardMeanLast100).toBeCloseTo(sum(last.map((record) => record.episode_reward)) / 100, 9);
});

describe.each(['sequential', 'async'] as const)('a run ends: %s', (execution) => {
  const parallel = { execution, learningStarts: 20, trainInterval: 1 } as const;

  it('after its epochs, each of maxTurns turns', async () => {
    const { summary } = await runAndRecord(trial({}, { parallel, experiment: { epochs: 3, maxTurns: 7 } }));
    expect(summary).toMatchObject({ epochs: 3, turns: 21, reason: 'finished' });
  });

  it('after totalTurns, also inside of an epoch', async () => {
    const { summary, records } = await runAndRecord(
      trial({}, { parallel, experiment: { epochs: Infinity, totalTurns: 107, maxTurns: 20 } }),
    );
    expect(summary).toMatchObject({ epochs: 5, turns: 107, trainSteps: 2 * 87, reason: 'finished' });
    expect(episodesOf(records)).toHaveLength(5);
  });

  it('at once where a single turn was asked for', async () => {
    const { summary } = await runAndRecord(trial({}, { parallel, experiment: { totalTurns: 1 } }));
    expect(summary).toMatchObject({ epochs: 0, turns: 1, trainSteps: 0, rewardMean: Number.NaN });
  });

  it('after maxSeconds', async () => {
    const { summary } = await runAndRecord(
      trial({ busyMs: 1 }, { parallel, experiment: { epochs: Infinity, maxSeconds: 0.2 } }),
    );
    expect(summary.reason).toBe('finished');
    expect(summary.seconds).toBeGreaterThanOrEqual(0.2);
    expect(summary.turns).toBeLessThanOrEqual(250);
    for (const agent of summary.agents) expect(agent.trainSteps).toBe(agent.owedTrainSteps);
  });

  it('after maxSeconds also where single turns are long', async () => {
    const { summary } = await runAndRecord(
      trial({ busyMs: 60 }, { parallel, experiment: { epochs: Infinity, maxSeconds: 0.1 } }),
    );
    expect(summary.turns).toBeGreaterThanOrEqual(1);
    expect(summary.turns).toBeLessThanOrEqual(3);
  });

  it('once the last 100 epochs reach stopAtReward', async () => {
    const { summary } = await runAndRecord(
      trial({ episodeTurns: 1 }, { parallel, experiment: { epochs: 1_000, stopAtReward: 0.01 } }),
    );
    expect(summary).toMatchObject({ epochs: 100, reason: 'finished' });
    expect(summary.rewardMeanLast100).toBeGreaterThanOrEqual(0.01);
  });

  it('never for a reward that it does not reach', async () => {
    const { summary } = await runAndRecord(
      trial({ episodeTurns: 1 }, { parallel, experiment: { epochs: 150, stopAtReward: 1_000 } }),
    );
    expect(summary.epochs).toBe(150);
  });
});
