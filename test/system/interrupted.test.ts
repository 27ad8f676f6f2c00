import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { MarlSystem, reproduceRun, resumeRun } from 'marlin-rl';
import type { MarlConfiguration, TrainingRecord } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, trial } from './trial-run.js';

let scratch: string;
let runs = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-interrupted-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

function newDirectory(): string {
  return join(scratch, String(runs++));
}

/** Calls `react` for every record of a run. */
function reacting(system: MarlSystem, react: (record: TrainingRecord) => void): MarlSystem {
  return system.addSink({ write: react, close: async () => {} });
}

/** A short run whose actor dies once. */
function perilous(
  options: Readonly<Record<string, unknown>>,
  overrides: Partial<Omit<MarlConfiguration, 'environment'>> = {},
): MarlConfiguration {
  const deaths = new Int32Array(new SharedArrayBuffer(8));
  deaths[1] = 1;
  const restarting = trial({}, { ...overrides, parallel: { restart: {}, ...overrides.parallel } });
  return {
    ...restarting,
    environment: { module: new URL('./fixtures/perilous.js', import.meta.url) },
    environmentOptions: { death: 'exit', deaths, ...options },
  };
}

function block(milliseconds: number): void {
  for (const began = performance.now(); performance.now() - began < milliseconds;);
}

describe('an actor that is replaced', () => {
  it('has all its reports taken before, also those that come while the main thread is busy', async () => {
    for (let repetition = 0; repetition < 12; repetition++) {
      const episodes: number[] = [];
      // It reports the third epoch and dies at the next turn, both while a reader of records holds the main thread.
      const configuration = perilous(
        { turn: 1, epoch: 3, agents: 1 },
        { agents: { algorithm: { name: 'random' } }, experiment: { epochs: 6 } },
      );
      const system = reacting(new MarlSystem(configuration), (record) => {
        if (record.kind !== 'episode') return;
        episodes.push(record.timesteps_total);
        if (record.episode === 1 + (repetition % 2)) queueMicrotask(() => block(100));
      });
      expect(await system.run()).toMatchObject({ epochs: 6, turns: 120 });
      expect(episodes).toEqual([20, 40, 60, 80, 100, 120]);
    }
  });

  it('whose fault a sink does not take ends the run with the error of the sink', async () => {
    const system = reacting(new MarlSystem(perilous({})), (record) => {
      if (record.kind === 'fault') throw new Error('no room for faults');
    });
    expect(await failureOf(system.run())).toMatchObject({ message: 'no room for faults' });
  }, 20_000);

  it('while the run is stopped leaves one that is reproduced', async () => {
    const directory = newDirectory();
    const configuration = perilous({ turn: 13, epoch: 3 }, { output: { directory }, experiment: { epochs: 1_000 } });
    const system = reacting(new MarlSystem(configuration), (record) => {
      if (record.kind === 'fault') void system.stop();
    });
    expect(await system.run()).toMatchObject({ epochs: 3, turns: 60, reason: 'stopped' });
    expect(await reproduceRun(directory)).toMatchObject({ difference: undefined, isSame: true });
  });
});

describe('a thread that hangs is found', () => {
  it('also once its work is done', async () => {
    const configuration = perilous({ death: 'dispose' }, { parallel: { heartbeatTimeoutMs: 200 } });
    expect(await new MarlSystem(configuration).run()).toMatchObject({ epochs: 10, turns: 200 });
  }, 20_000);

  it('also where the one before it was killed in its sleep', async () => {
    const deaths = new Int32Array(new SharedArrayBuffer(8));
    const configuration = perilous(
      { death: 'hang', turn: 1, epoch: 0, deaths },
      {
        experiment: { checkpointEvery: 2 },
        parallel: { heartbeatTimeoutMs: 200 },
        output: { directory: newDirectory() },
      },
    );
    const threads: Worker[] = [];
    const note = (worker: Worker): void => void threads.push(worker);
    process.on('worker', note);
    const faults: (string | undefined)[] = [];
    const lost: (number | undefined)[] = [];
    const system = reacting(new MarlSystem(configuration), (record) => {
      if (record.kind === 'fault') faults.push(record.code);
      if (record.kind === 'fault') lost.push(record.turns_lost);
      if (record.kind !== 'episode' || record.episode !== 2) return;
      // The actor sleeps until this record, of which there is to be a checkpoint, has been taken.
      block(50);
      void threads[0]?.terminate();
      deaths.set([0, 1]);
    });
    expect(await system.run()).toMatchObject({ epochs: 10, turns: 200 });
    process.off('worker', note);
    expect(faults).toEqual(['ERR_WORKER_EXIT', 'ERR_WORKER_HANG']);
    expect(lost).toEqual([0, 0]);
  }, 20_000);
});

describe('a run that is resumed', () => {
  it.each(['async', 'lockstep', 'sequential'] as const)(
    'has its rollouts, always: %s',
    async (execution) => {
      const directory = newDirectory();
      // A checkpoint inside the fifth rollout.
      const configuration = trial(
        {},
        {
          agents: { algorithm: { name: 'ppo', hiddenSizes: [8], rolloutTurns: 24, minibatchSize: 10, passes: 2 } },
          experiment: { epochs: 5, maxTurns: 20 },
          parallel: { execution },
          output: { directory, checkpointRings: false },
        },
      );
      await new MarlSystem(configuration).run();
      const { agents } = await (await resumeRun(directory, { epochs: 12 })).run();
      for (const { trainSteps } of agents) expect(trainSteps).toBe(10 * 6);
    },
    20_000,
  );

  it('from an older checkpoint does not keep those that were behind it', async () => {
    const directory = newDirectory();
    const configuration = trial(
      {},
      {
        experiment: { epochs: 10, checkpointEvery: 2 },
        parallel: { execution: 'sequential' },
        output: { directory, keepCheckpoints: 3 },
      },
    );
    await new MarlSystem(configuration).run();
    const system = await resumeRun(directory, { checkpoint: 6, epochs: 1_000 });
    reacting(system, (record) => {
      if (record.kind === 'episode' && record.episode === 9) void system.stop();
    });
    await system.run();
    expect((await readdir(join(directory, 'checkpoints'))).toSorted()).toEqual([
      '00000006',
      '00000008',
      '00000009-inside',
    ]);
    const again = await resumeRun(directory, { epochs: 20 });
    expect(await again.run()).toMatchObject({ epochs: 20 });
  });
});

describe('while learners are brought to a stand for a checkpoint', () => {
  it.each(['stop', 'resume'] as const)(
    '%s() is heard, and nobody waits for ever',
    async (asked) => {
      // Its learner is in the middle of a long training step when it is asked to stand still.
      const configuration = trial(
        { agents: 1 },
        {
          agents: { algorithm: { name: 'dqn', hiddenSizes: [1024, 1024] } },
          experiment: { epochs: 12, checkpointEvery: 10 },
          parallel: { batchSize: 64, learningStarts: 180, maxTrainingLag: Infinity },
          output: { directory: newDirectory() },
        },
      );
      const system = reacting(new MarlSystem(configuration), (record) => {
        if (record.kind === 'episode' && record.episode === 10) setTimeout(() => void system[asked](), 3);
      });
      const summary = await system.run();
      expect(summary.reason).toBe(asked === 'stop' ? 'stopped' : 'finished');
      expect(summary.epochs).toBeLessThanOrEqual(12);
    },
    20_000,
  );
});
