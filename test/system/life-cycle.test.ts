import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { MarlSystem } from 'marlin-rl';
import type { MarlConfiguration, TrainingRecord } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { failureOf, ThreadWatch, trial } from './trial-run.js';

const execute = promisify(execFile);

/** A run that only ends when it is told to: an epoch takes two milliseconds. */
function endless(execution: 'sequential' | 'async'): MarlConfiguration {
  return trial(
    { episodeTurns: 2, busyMs: 1, agents: 1 },
    {
      experiment: { epochs: Infinity, logInterval: 1 },
      // The actor never waits for its learner: when it stands still, it was told to.
      parallel: { execution, learningStarts: 4, trainInterval: 1, maxTrainingLag: Infinity },
    },
  );
}

async function nextRecord(system: MarlSystem): Promise<TrainingRecord | undefined> {
  for await (const record of system.records()) return record;
  return undefined;
}

describe.each(['sequential', 'async'] as const)('the life of a run: %s', (execution) => {
  it('starts, stops in good order, and says so', async () => {
    using threads = new ThreadWatch();
    const { parallel, ...rest } = endless(execution);
    // Little is owed at any moment: also on a busy machine it is done within the time that a stop gives it.
    const system = new MarlSystem({ ...rest, parallel: { ...parallel, maxTrainingLag: 1 } });
    await system.start();
    // From then on its rings hold a batch.
    for await (const record of system.records()) {
      if (record.kind === 'iteration' && record.train_steps_total > 0) break;
    }
    await system.stop();
    expect(threads).toMatchObject({ alive: 0 });
    const summary = await system.run();
    expect(summary.reason).toBe('stopped');
    expect(summary.epochs).toBeGreaterThan(0);
    for (const agent of summary.agents) expect(agent.trainSteps).toBe(agent.owedTrainSteps);
  });

  it('starts once', async () => {
    const system = new MarlSystem(trial({}, { parallel: { execution } }));
    await system.start();
    await expect(system.start()).rejects.toMatchObject({ code: 'ERR_STATE' });
    expect(() => system.addSink({ write: () => {}, close: async () => {} })).toThrow('before the run starts');
    // run() only waits for a run that was started: as often as one likes.
    expect(await system.run()).toBe(await system.run());
  });

  it('stops before it starts: the run is over as soon as it begins', async () => {
    const system = new MarlSystem(endless(execution));
    await system.stop();
    expect(await system.run()).toMatchObject({ reason: 'stopped', turns: 0, trainSteps: 0, epochs: 0 });
  });

  it('stops while it starts', async () => {
    using threads = new ThreadWatch();
    const system = new MarlSystem(endless(execution));
    const started = system.start();
    await system.stop();
    await started;
    expect(await system.run()).toMatchObject({ reason: 'stopped' });
    expect(threads.alive).toBe(0);
  });

  it('stops right after it started, while workers are still starting up', async () => {
    using threads = new ThreadWatch();
    const system = new MarlSystem(endless(execution));
    await system.start();
    await system.stop();
    expect((await system.run()).reason).toBe('stopped');
    expect(threads.alive).toBe(0);
  });

  it('stops soon, however much is owed', async () => {
    const parallel = { execution, learningStarts: 0, gradientSteps: 10_000_000, maxTrainingLag: 0 };
    const system = new MarlSystem(trial({ episodeTurns: 5 }, { parallel }));
    // After three epochs there is a batch, and no end of training in sight.
    for await (const record of system.records()) {
      if (record.kind === 'episode' && record.episode === 3) break;
    }
    await delay(20);
    // What is owed would take hours.
    await system.stop();
    const summary = await system.run();
    expect(summary.reason).toBe('stopped');
    for (const agent of summary.agents) expect(agent.trainSteps).toBeLessThan(agent.owedTrainSteps);
    expect(summary.trainSteps).toBeGreaterThan(0);
  });

  it('stops twice, and at once', async () => {
    const system = new MarlSystem(endless(execution));
    await system.start();
    await Promise.all([system.stop(), system.stop()]);
    await system.stop();
    expect((await system.run()).reason).toBe('stopped');
  });

  it('ends by itself all the same when it is stopped only afterwards', async () => {
    const system = new MarlSystem(trial({}, { parallel: { execution } }));
    const summary = await system.run();
    await system.stop();
    expect(summary.reason).toBe('finished');
  });

  it('holds still while it is paused, and goes on', async () => {
    const records: TrainingRecord[] = [];
    const system = new MarlSystem(endless(execution));
    system.addSink({ write: (record) => records.push(record), close: async () => {} });
    expect(() => system.pause()).toThrow('under way');
    await system.start();
    await nextRecord(system);
    system.pause();
    system.pause();
    // What was on its way has arrived by then.
    await delay(100);
    const before = records.length;
    await delay(100);
    expect(records.length).toBe(before);
    system.resume();
    await nextRecord(system);
    expect(records.length).toBeGreaterThan(before);
    await system.stop();
    expect(() => system.resume()).toThrow('under way');
  });

  it('stops while it is paused', async () => {
    const system = new MarlSystem(endless(execution));
    await system.start();
    system.pause();
    await system.stop();
    const summary = await system.run();
    expect(summary.reason).toBe('stopped');
  });

  it('can be paused and resumed from the first moment, and ends as if it had not been', async () => {
    const system = new MarlSystem(trial({}, { parallel: { execution, trainInterval: 1 } }));
    await system.start();
    for (let time = 0; time < 20; time++) {
      try {
        system.pause();
        await delay(1);
        system.resume();
      } catch {
        // It has ended meanwhile.
        break;
      }
      await delay(1);
    }
    expect(await system.run()).toMatchObject({ turns: 200, trainSteps: 320, reason: 'finished' });
  });

  it('ends on a signal, and listens to it no longer', async () => {
    const controller = new AbortController();
    const system = new MarlSystem(endless(execution));
    const run = system.run({ signal: controller.signal });
    await nextRecord(system);
    controller.abort();
    expect((await run).reason).toBe('stopped');
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('ends by itself, and listens to its signal no longer', async () => {
    const { signal } = new AbortController();
    await new MarlSystem(trial({}, { parallel: { execution } })).run({ signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('ends on a signal that comes while it starts', async () => {
    const controller = new AbortController();
    const run = new MarlSystem(endless(execution)).run({ signal: controller.signal });
    controller.abort();
    expect((await run).reason).toBe('stopped');
  });

  it('does not start on a signal that has come already', async () => {
    using threads = new ThreadWatch();
    const reason = new Error('never mind');
    const system = new MarlSystem(endless(execution));
    expect(await failureOf(system.run({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(threads.started).toBe(0);
  });

  it('ends with the block that it was made in', async () => {
    using threads = new ThreadWatch();
    const systems: MarlSystem[] = [];
    {
      await using system = new MarlSystem(endless(execution));
      systems.push(system);
      await system.start();
      await nextRecord(system);
    }
    expect(threads.alive).toBe(0);
    expect((await systems[0]?.run())?.reason).toBe('stopped');
    {
      // Nothing to end.
      await using neverStarted = new MarlSystem(endless(execution));
      expect(neverStarted.configuration.parallel.execution).toBe(execution);
    }
  });

  it.each(['', 'act', 'reset', 'create', 'agents'])(
    'disposes of every environment that it made (fails: %o)',
    async (fail) => {
      const lives = new Int32Array(new SharedArrayBuffer(8));
      await Promise.allSettled([new MarlSystem(trial({ fail, lives }, { parallel: { execution } })).run()]);
      const [made, disposed] = lives;
      expect(disposed).toBe(made);
      expect(made).toBe(fail === 'create' ? 0 : { sequential: 1, async: 2 }[execution]);
    },
  );

  it('disposes of its environments also where it is a learner that fails', async () => {
    const lives = new Int32Array(new SharedArrayBuffer(8));
    const diverging = trial(
      { fail: 'huge', lives },
      { parallel: { execution, trainInterval: 1 }, experiment: { epochs: Infinity } },
    );
    await expect(new MarlSystem(diverging).run()).rejects.toMatchObject({ code: 'ERR_NOT_FINITE' });
    expect(lives[1]).toBe(lives[0]);
  });

  it('disposes of its environment also where the run is refused', async () => {
    const lives = new Int32Array(new SharedArrayBuffer(8));
    const refused = trial({ lives }, { parallel: { execution, bufferCapacity: 10 } });
    await expect(new MarlSystem(refused).run()).rejects.toMatchObject({ field: 'parallel.bufferCapacity' });
    expect([...lives]).toEqual([1, 1]);
  });

  it.each(['', 'act'])('leaves nothing behind, and lets the process end (fails: %o)', async (fail) => {
    const directory = await mkdtemp(join(tmpdir(), 'marlin-leave-'));
    try {
      const script = join(import.meta.dirname, 'fixtures', 'leave.js');
      const { stdout } = await execute(process.execPath, [script, execution, directory, fail], { timeout: 20_000 });
      const { before, after } = JSON.parse(stdout) as Record<string, unknown>;
      expect(after).toEqual(before);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe.each(['sequential', 'async'] as const)('records() of a run: %s', (execution) => {
  it('start the run, and end with it', async () => {
    const system = new MarlSystem(trial({}, { parallel: { execution }, experiment: { logInterval: 5 } }));
    const kinds: string[] = [];
    for await (const record of system.records()) kinds.push(record.kind);
    expect(kinds.filter((kind) => kind === 'episode')).toHaveLength(10);
    expect(kinds.filter((kind) => kind === 'iteration')).toHaveLength(2);
    expect(kinds.at(-1)).toBe('done');
    expect((await system.run()).epochs).toBe(10);
  });

  it('may be left early: the run goes on without its reader', async () => {
    const system = new MarlSystem(trial({}, { parallel: { execution } }));
    for await (const record of system.records()) {
      if (record.kind === 'episode') break;
    }
    expect(await system.run()).toMatchObject({ reason: 'finished', epochs: 10 });
    // It is over: there is nothing to read.
    for await (const _ of system.records()) expect.unreachable();
  });

  it('go to as many readers as there are', async () => {
    const system = new MarlSystem(trial({}, { parallel: { execution } }));
    const count = async (): Promise<number> => {
      let records = 0;
      for await (const _ of system.records()) records++;
      return records;
    };
    expect(await Promise.all([count(), count()])).toEqual([12, 12]);
  });

  it('allow a run to be stopped from inside of the loop', async () => {
    const system = new MarlSystem(endless(execution));
    let last: TrainingRecord | undefined;
    for await (const record of system.records()) {
      last = record;
      void system.stop();
    }
    expect(last).toMatchObject({ kind: 'done', reason: 'stopped' });
  });

  it('throw what the run failed with, after the records before it', async () => {
    const system = new MarlSystem(trial({ fail: 'act', failTurn: 5 }, { parallel: { execution } }));
    const kinds: string[] = [];
    const read = async (): Promise<void> => {
      for await (const record of system.records()) kinds.push(record.kind);
    };
    await expect(read()).rejects.toMatchObject({ code: 'E_WORLD' });
    expect(kinds).toEqual(['fault']);
  });

  it('throw where the run does not even start', async () => {
    const system = new MarlSystem(trial({ fail: 'create' }, { parallel: { execution } }));
    await expect(system.records().next()).rejects.toMatchObject({ code: 'E_WORLD' });
  });
});

describe('a reader of records that is slower than the run', () => {
  it('leaves the event loop its turns: a stop is heard', { timeout: 60_000 }, async () => {
    // A turn an epoch, and each costs this thread much more than it costs the actor.
    const slow = {
      write() {
        const until = performance.now() + 1;
        while (performance.now() < until);
      },
      async close() {},
    };
    const system = new MarlSystem(trial({ episodeTurns: 1 }, { experiment: { epochs: Infinity } })).addSink(slow);
    await system.start();
    // Were the event loop held up, this would never come.
    await delay(100);
    await system.stop();
    expect((await system.run()).reason).toBe('stopped');
  });

  it('may leave while others wait for the end', async () => {
    const system = new MarlSystem(trial());
    const readers = Array.from({ length: 4 }, () => system.records());
    const ends = readers.map(async (reader) => {
      for (;;) {
        const { done } = await reader.next();
        if (done === true) break;
      }
      await reader.return?.();
    });
    await system.run();
    await Promise.all(ends);
    expect((await system.run()).reason).toBe('finished');
  });
});
