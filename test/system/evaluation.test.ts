import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ConfigurationError, evaluateRun, MarlSystem } from 'marlin-rl';
import type { EvaluationOptions, EvaluationRecord, MarlConfiguration, TrainingRecord } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, runAndRecord, smallDqn, ThreadWatch, trial } from './trial-run.js';

const execute = promisify(execFile);

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-evaluation-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

const sequential = { execution: 'sequential', trainInterval: 1 } as const;
/** Explores to its end, so that drawing at random and acting at best are two things. */
const exploring = { algorithm: { ...smallDqn, epsilon: { start: 0.5, end: 0.5 } } };

async function ended(configuration: MarlConfiguration): Promise<MarlSystem> {
  const system = new MarlSystem(configuration);
  await system.run();
  return system;
}

/** A run that only ends when it is told to. */
function endless(execution: 'sequential' | 'async', options: Readonly<Record<string, unknown>> = {}) {
  const experiment = { epochs: Infinity, maxTurns: 10 };
  return trial({ busyMs: 1, ...options }, { parallel: { execution, publishInterval: 1 }, experiment });
}

function evaluationsOf(records: readonly TrainingRecord[]): EvaluationRecord[] {
  return records.filter((record) => record.kind === 'evaluation');
}

/** All of a record but when it was made. */
function untimed(records: readonly EvaluationRecord[]): unknown[] {
  return records.map(({ timestamp: _timestamp, ...rest }) => rest);
}

describe('an evaluation of a run that has ended', () => {
  it('is the same whatever the number of threads, and each time', async () => {
    using threads = new ThreadWatch();
    const system = await ended(trial({}, { agents: exploring, parallel: sequential }));
    for (const greedy of [true, false]) {
      const options = { episodes: 7, greedy };
      const first = await system.evaluate({ ...options, threads: 1 });
      expect(await system.evaluate({ ...options, threads: 2 })).toEqual(first);
      expect(await system.evaluate({ ...options, threads: 3 })).toEqual(first);
      expect(await system.evaluate(options)).toEqual(first);
      expect(first).toMatchObject({ episodes: 7, greedy, seeds: [1] });
      expect(first.agents.map(({ epsilon }) => epsilon)).toEqual(greedy ? [0, 0] : [0.5, 0.5]);
    }
    expect(threads.alive).toBe(0);
    expect(threads.started).toBeGreaterThanOrEqual(2 * (1 + 2 + 3 + 1));
  });

  it('gives every episode, and sums them up', async () => {
    const system = await ended(trial({}, { parallel: sequential, experiment: { maxTurns: 9 } }));
    const { rewards, lengths, agents, ...rest } = await system.evaluate({ episodes: 5, threads: 2 });
    expect(rewards).toHaveLength(5);
    expect(lengths).toEqual([9, 9, 9, 9, 9]);
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / 5;
    const variance = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / 5;
    expect(rest).toEqual({
      episodes: 5,
      rewardMean: expect.closeTo(mean, 9),
      rewardStandardDeviation: expect.closeTo(Math.sqrt(variance), 9),
      rewardMin: Math.min(...rewards),
      rewardMax: Math.max(...rewards),
      lengthMean: 9,
      greedy: true,
      seeds: [1],
    });
    expect(agents.map(({ id }) => id)).toEqual(['agent-0', 'agent-1']);
    const [one, other] = agents;
    expect(rewards).toEqual(one.epochRewards.map((reward, epoch) => reward + other.epochRewards[epoch]));
    // Nobody's episode ends before the epoch does.
    for (const agent of agents) {
      expect(agent).toMatchObject({ episodes: 5, rewards: agent.epochRewards, lengths, lengthMean: 9 });
    }
    const summary = await system.run();
    for (const [index, agent] of agents.entries()) {
      const { trainSteps, weightsVersion } = summary.agents[index];
      expect(agent).toMatchObject({ trainSteps, weightsVersion });
    }
  });

  it("counts the agents' own episodes where they end before the epoch", async () => {
    // Every 4 turns one agent's episode terminates, the second one's first.
    const system = await ended(trial({ agentTurns: 4 }, { parallel: sequential, experiment: { maxTurns: 22 } }));
    const { agents, lengths } = await system.evaluate({ episodes: 3, threads: 2 });
    expect(lengths).toEqual([22, 22, 22]);
    // At turns 8 and 16; 4, 12 and 20. What is cut off at turn 22 is no episode.
    expect(agents.map((agent) => agent.lengths)).toEqual([
      [8, 8, 8, 8, 8, 8],
      [4, 8, 8, 4, 8, 8, 4, 8, 8],
    ]);
    const [{ rewards, epochRewards }] = agents;
    expect(rewards[0] + rewards[1]).toBeLessThanOrEqual(epochRewards[0]);
    expect(agents[1]).toMatchObject({ episodes: 9, lengthMean: 20 / 3 });
  });

  it('plays other worlds for other seeds, and the same for the same', async () => {
    const system = await ended(trial({}, { parallel: sequential }));
    const both = await system.evaluate({ episodes: 3, seeds: [4, 9], threads: 2 });
    const [four, nine] = [
      await system.evaluate({ episodes: 3, seeds: 4 }),
      await system.evaluate({ episodes: 3, seeds: 9 }),
    ];
    expect(both.rewards).toEqual([...four.rewards, ...nine.rewards]);
    expect(new Set(both.rewards).size).toBe(6);
    expect(both.seeds).toEqual([4, 9]);
  });

  it('plays the best actions, or as the run played', async () => {
    const epsilon = { start: 1, end: 0, duration: 60 };
    const agents = { algorithm: { ...smallDqn, epsilon, learningRate: 0.01 } };
    const learnt = trial({ size: 4 }, { agents, parallel: sequential, experiment: { epochs: 80 } });
    const best = await (await ended(learnt)).evaluate({ episodes: 5 });
    // 20 turns of 2 agents, each right action 1.
    expect(best.rewardMean).toBeGreaterThan(35);
    const randomly = { algorithm: { ...agents.algorithm, epsilon: { start: 1, end: 1 } } };
    const random = await ended(trial({ size: 4 }, { agents: randomly, parallel: sequential }));
    expect((await random.evaluate({ episodes: 20, greedy: false })).rewardMean).toBeLessThan(20);
  });
});

describe.each(['sequential', 'async'] as const)('an evaluation of a run under way: %s', (execution) => {
  it('leaves the run as it is', async () => {
    using threads = new ThreadWatch();
    const system = new MarlSystem(endless(execution));
    await system.start();
    const versions: number[] = [];
    for await (const record of system.records()) {
      if (record.kind !== 'episode' || record.episode < 7) continue;
      const { episodes, agents } = await system.evaluate({ episodes: 3 });
      expect(episodes).toBe(3);
      versions.push(agents[0].weightsVersion);
      if (versions.length === 3) break;
    }
    // Training went on between one and the next.
    expect(versions).toEqual(versions.toSorted((left, right) => left - right));
    expect(versions[2]).toBeGreaterThan(versions[0]);
    await system.stop();
    expect(await system.run()).toMatchObject({ reason: 'stopped' });
    expect(threads.alive).toBe(0);
  });

  it('may go on when the run has ended', async () => {
    using threads = new ThreadWatch();
    const system = new MarlSystem(endless(execution));
    await system.start();
    const evaluation = system.evaluate({ episodes: 4 });
    await delay(30);
    await system.stop();
    expect(await evaluation).toMatchObject({ episodes: 4, lengthMean: 10 });
    expect(await system.evaluate({ episodes: 2 })).toMatchObject({ episodes: 2 });
    expect(threads.alive).toBe(0);
  });

  it('fails with what the environment threw, and the run is none the worse', async () => {
    using threads = new ThreadWatch();
    // No environment plays a second epoch, and the run has only one.
    const lives = new Int32Array(new SharedArrayBuffer(8));
    const failing = { fail: 'epoch', failTurn: 1, busyMs: 1, lives };
    const system = new MarlSystem(
      trial(failing, { parallel: { execution }, experiment: { epochs: 1, maxTurns: 300 } }),
    );
    await system.start();
    const error = await failureOf(system.evaluate({ episodes: 3, threads: 1 }));
    expect(error).toMatchObject({
      name: 'RangeError',
      code: 'E_WORLD',
      worker: 'evaluation',
      cause: { name: 'TypeError', code: 'E_WIRE', cause: { message: 'a mouse' } },
    });
    expect(await system.run()).toMatchObject({ reason: 'finished', turns: 300 });
    expect(threads.alive).toBe(0);
    expect(lives[1]).toBe(lives[0]);
  });
});

describe('an evaluation fails', () => {
  it('before the run has been started', async () => {
    const error = await failureOf(new MarlSystem(trial()).evaluate());
    expect(error).toMatchObject({ code: 'ERR_STATE' });
  });

  it('where the run did not start, with its error', async () => {
    const system = new MarlSystem(trial({ fail: 'create' }));
    await failureOf(system.run());
    expect(await failureOf(system.evaluate())).toMatchObject({ code: 'E_WORLD' });
  });

  it.each([
    [{ episodes: 0 }, 'evaluate.episodes', 'at least 1'],
    [{ seeds: -1 }, 'evaluate.seeds', 'at least 0'],
    [{ seeds: [] }, 'evaluate.seeds', 'at least 1 entry'],
    [{ threads: 1.5 }, 'evaluate.threads', 'a whole number'],
    [{ epochs: 3 }, 'evaluate.epochs', 'absent'],
  ])('with the options %j', async (options, field, bound) => {
    const system = await ended(trial({}, { parallel: sequential, experiment: { epochs: 1 } }));
    const error = await failureOf(system.evaluate(options as EvaluationOptions));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ field, bound: expect.stringContaining(bound) });
  });

  it.each([
    ['exit', { code: 'ERR_WORKER_EXIT', message: 'An evaluation thread ended with code 3 before its work was done.' }],
    ['late', { code: 'ERR_WORKER', message: 'An evaluation thread failed: the world has ended' }],
    ['agents', { code: 'ERR_ENVIRONMENT', message: expect.stringContaining('other agents each time') }],
  ])('where its thread or its environment does: %s', async (fail, expected) => {
    using threads = new ThreadWatch();
    // These fail in no main thread.
    const system = await ended(trial({ fail, failTurn: 2 }, { parallel: sequential }));
    for (let time = 0; time < 2; time++) {
      const error = await failureOf(system.evaluate({ episodes: 4, threads: 2 }));
      expect(error).toMatchObject({ ...expected, worker: 'evaluation' });
    }
    expect(threads.alive).toBe(0);
  });

  it('with the reason of its signal', async () => {
    using threads = new ThreadWatch();
    const lives = new Int32Array(new SharedArrayBuffer(8));
    const system = await ended(trial({ busyMs: 5, lives }, { parallel: sequential, experiment: { epochs: 1 } }));
    const reason = new Error('never mind');
    const early = await failureOf(system.evaluate({ signal: AbortSignal.abort(reason) }));
    expect(early).toBe(reason);
    expect(threads.started).toBe(0);
    const controller = new AbortController();
    const evaluation = failureOf(system.evaluate({ episodes: 100_000, threads: 2, signal: controller.signal }));
    while (Atomics.load(lives, 0) < 3) await delay(10);
    controller.abort(reason);
    expect(await evaluation).toBe(reason);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    expect(threads.alive).toBe(0);
    // The threads ended in good order.
    expect([...lives]).toEqual([3, 3]);
  });
});

describe('evaluateEvery', () => {
  const experiment = { epochs: 10, evaluateEvery: 3, evaluateEpisodes: 4, logInterval: 5 };

  it('leaves a record every so many epochs, the same in each run, and no other bit of training', async () => {
    using threads = new ThreadWatch();
    const plain = await runAndRecord(trial({}, { parallel: sequential, experiment: { epochs: 10 } }));
    const runs = [];
    for (let run = 0; run < 2; run++) {
      runs.push(await runAndRecord(trial({}, { parallel: sequential, experiment })));
    }
    const [first, second] = runs.map(({ records }) => evaluationsOf(records));
    expect(untimed(second)).toEqual(untimed(first));
    expect(first.map((record) => [record.episodes_total, record.timesteps_total])).toEqual([
      [3, 60],
      [6, 120],
      [9, 180],
    ]);
    for (const { summary, records } of runs) {
      expect(summary.agents.map((agent) => agent.weightsHash)).toEqual(
        plain.summary.agents.map((agent) => agent.weightsHash),
      );
      expect(records.at(-1)?.kind).toBe('done');
    }
    expect(first[0]).toMatchObject({ kind: 'evaluation', episodes: 4, episode_len_mean: 20 });
    expect(Object.keys(first[0]).toSorted()).toEqual([
      'agents',
      'episode_len_mean',
      'episode_reward_max',
      'episode_reward_mean',
      'episode_reward_min',
      'episode_reward_std',
      'episodes',
      'episodes_total',
      'kind',
      'timestamp',
      'timesteps_total',
    ]);
    // 19 turns beyond the start of training, whose steps were done after each turn but the last.
    expect(first[0].agents['agent-1']).toEqual({
      episodes: 4,
      reward_mean: expect.any(Number),
      reward_std: expect.any(Number),
      reward_min: expect.any(Number),
      reward_max: expect.any(Number),
      len_mean: 20,
      train_steps: 19,
      weights_version: 1,
    });
    expect(threads.alive).toBe(0);
  });

  it('says what evaluate() says of the same weights', async () => {
    const untrained = { ...sequential, gradientSteps: 0 };
    const configuration = trial({}, { parallel: untrained, experiment: { ...experiment, evaluateEvery: 10 } });
    const records: TrainingRecord[] = [];
    const system = new MarlSystem(configuration).addSink({
      write: (record) => records.push(record),
      close: async () => {},
    });
    await system.run();
    const { rewardMean, rewardStandardDeviation, agents } = await system.evaluate({ episodes: 4 });
    const [record] = evaluationsOf(records);
    expect(record).toMatchObject({ episode_reward_mean: rewardMean, episode_reward_std: rewardStandardDeviation });
    expect(record.agents['agent-0']).toMatchObject({ reward_mean: agents[0].rewardMean, weights_version: 0 });
  });

  it('does not stop training, and is awaited at the end', async () => {
    const directory = join(scratch, 'awaited');
    const configuration = trial({}, { experiment: { ...experiment, epochs: 200, evaluateEvery: 50 } });
    const { records, summary } = await runAndRecord({ ...configuration, output: { directory } });
    expect(evaluationsOf(records).map((record) => record.episodes_total)).toEqual([50, 100, 150, 200]);
    expect(records.at(-1)?.kind).toBe('done');
    expect(summary.trainSteps).toBe(2 * 990);
    const lines = (await readFile(join(directory, 'metrics.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as TrainingRecord)).toEqual(records);
  });

  it.each(['sequential', 'async'] as const)('fails the run where it fails: %s', async (execution) => {
    using threads = new ThreadWatch();
    // An environment plays three epochs and no more.
    const configuration = trial(
      { fail: 'epoch', failTurn: 3 },
      { parallel: { execution }, experiment: { ...experiment, epochs: 3, evaluateEvery: 1 } },
    );
    const records: TrainingRecord[] = [];
    const system = new MarlSystem(configuration).addSink({
      write: (record) => records.push(record),
      close: async () => {},
    });
    expect(await failureOf(system.run())).toMatchObject({ code: 'E_WORLD', cause: { code: 'E_WIRE' } });
    expect(records.at(-1)).toMatchObject({ kind: 'fault', worker: 'evaluation', code: 'E_WORLD' });
    expect(threads.alive).toBe(0);
  });

  it('holds up no stop for long', async () => {
    using threads = new ThreadWatch();
    const slow = { ...experiment, epochs: Infinity, evaluateEvery: 1, evaluateEpisodes: 100_000, maxTurns: 3 };
    const system = new MarlSystem(trial({ busyMs: 1 }, { experiment: slow }));
    for await (const record of system.records()) {
      if (record.kind === 'episode' && record.episode === 5) break;
    }
    const began = performance.now();
    await system.stop();
    // A quarter of a second of grace, and a second for the threads at the most.
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await system.run()).toMatchObject({ reason: 'stopped' });
    expect(threads.alive).toBe(0);
  });
});

describe('the evaluation of a run in its directory', () => {
  it('is that of the system which made it', async () => {
    const directory = join(scratch, 'saved');
    const configuration = trial({}, { agents: exploring, parallel: { trainInterval: 1 } });
    const system = await ended({ ...configuration, output: { directory } });
    for (const greedy of [true, false]) {
      const options = { episodes: 6, greedy, threads: 2 };
      expect(await evaluateRun(directory, options)).toEqual(await system.evaluate(options));
    }
  });

  it('lets the process end, and leaves nothing behind', async () => {
    const directory = join(scratch, 'leave');
    const script = join(import.meta.dirname, 'fixtures', 'evaluate.js');
    const { stdout } = await execute(process.execPath, [script, directory], { timeout: 50_000 });
    const { before, after, episodes } = JSON.parse(stdout) as Record<string, unknown>;
    expect(after).toEqual(before);
    expect(episodes).toEqual([3, 3, 3]);
  });
});
