import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, MarlinError, MarlSystem } from 'marlin-rl';
import type { FaultRecord, MarlConfiguration, TrainingRecord } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, smallDqn, ThreadWatch, trial } from './trial-run.js';

let scratch: string;
let runs = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-failures-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

interface Failure {
  readonly error: unknown;
  /** Lines of metrics.jsonl. */
  readonly records: readonly TrainingRecord[];
  readonly fault: FaultRecord | undefined;
}

/** Runs what must fail, with a run directory, and sees to it that no thread is left. */
async function fail(configuration: MarlConfiguration): Promise<Failure> {
  using threads = new ThreadWatch();
  const directory = join(scratch, String(runs++));
  const error = await failureOf(new MarlSystem({ ...configuration, output: { directory } }).run());
  expect(threads.alive).toBe(0);
  const text = await readFile(join(directory, 'metrics.jsonl'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  expect(lines.pop()).toBe('');
  const records = lines.map((line) => JSON.parse(line) as TrainingRecord);
  const last = records.at(-1);
  return { error, records, fault: last?.kind === 'fault' ? last : undefined };
}

const worldHasEnded = {
  name: 'RangeError',
  message: 'the world has ended',
  code: 'E_WORLD',
  cause: { name: 'TypeError', message: 'the wire is cut', code: 'E_WIRE', cause: { message: 'a mouse' } },
};

describe.each(['sequential', 'async'] as const)('an environment that throws: %s', (execution) => {
  it.each(['reset', 'observe', 'act'])('in %s', async (where) => {
    const { error, fault, records } = await fail(trial({ fail: where, failTurn: 10 }, { parallel: { execution } }));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject(worldHasEnded);
    expect(String((error as Error).stack)).toContain('trial.js');
    expect(fault).toEqual({
      kind: 'fault',
      timestamp: expect.any(String),
      worker: execution === 'async' ? 'actor-0' : 'main',
      code: 'E_WORLD',
      message: 'the world has ended',
      recovered: false,
    });
    expect(records).toHaveLength(1);
  });

  it('in create: nothing has been started then', async () => {
    const { error, records } = await fail(trial({ fail: 'create' }, { parallel: { execution } }));
    expect(error).toMatchObject(worldHasEnded);
    expect(records).toEqual([]);
  });

  it.each([
    ['text', '"a text"'],
    ['null', 'null'],
  ])('what is no error: %s', async (what, message) => {
    const { error, fault } = await fail(trial({ fail: what }, { parallel: { execution } }));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ message });
    expect(fault).toMatchObject({ message });
  });

  it('keeps the records of all epochs before', async () => {
    const configuration = trial({ episodeTurns: 1, fail: 'epoch', failTurn: 200 }, { parallel: { execution } });
    const { error, records } = await fail({ ...configuration, experiment: { epochs: Infinity, logInterval: 1_000 } });
    expect(error).toMatchObject(worldHasEnded);
    expect(records.map((record) => record.kind)).toEqual([...Array.from({ length: 200 }, () => 'episode'), 'fault']);
  });

  it('keeps the records of the epochs before a learner failed', async () => {
    const configuration = trial(
      { episodeTurns: 4, fail: 'huge' },
      { experiment: { epochs: Infinity }, parallel: { execution, trainInterval: 1 } },
    );
    const { error, records } = await fail(configuration);
    expect(error).toMatchObject({ code: 'ERR_NOT_FINITE' });
    const episodes = records.filter((record) => record.kind === 'episode');
    // Training begins after 40 turns.
    expect(episodes.length).toBeGreaterThanOrEqual(9);
    expect(episodes.map((record) => record.episode)).toEqual(episodes.map((_, index) => index + 1));
  });
});

describe.each(['sequential', 'async'] as const)('an environment that breaks its contract: %s', (execution) => {
  it('rewards NaN', async () => {
    const { error } = await fail(trial({ fail: 'reward', failTurn: 3 }, { parallel: { execution } }));
    expect(error).toBeInstanceOf(MarlinError);
    expect(error).toMatchObject({
      code: 'ERR_ENVIRONMENT',
      message: 'The environment gave agent-1 a reward of NaN at turn 3; rewards must be finite.',
    });
  });

  it.each([0, 1])('offers no legal action (ε = %d)', async (epsilon) => {
    const agents = { algorithm: { ...smallDqn, epsilon: { start: epsilon, end: epsilon } } };
    const { error } = await fail(
      trial({ masks: true, fail: 'mask', failTurn: 2 }, { agents, parallel: { execution } }),
    );
    expect(error).toMatchObject({
      code: 'ERR_ENVIRONMENT',
      message: 'The environment offers agent-0 no legal action.',
    });
  });

  it.each([
    [{ agents: 0 }, 'no agents'],
    [{ size: 0 }, 'agent-0 observes 0 values'],
    [{ size: 1.5 }, 'agent-0 observes 1.5 values'],
    [{ dtype: 'f64' }, 'observations of agent-0 are f64'],
    [{ actions: 0 }, 'agent-0 has 0 actions'],
  ])('has %o', async (options, message) => {
    const { error } = await fail(trial(options, { parallel: { execution } }));
    expect(error).toMatchObject({ code: 'ERR_ENVIRONMENT', message: expect.stringContaining(message) });
  });

  it('is not there', async () => {
    const module = new URL('fixtures/missing.js', import.meta.url);
    const { error } = await fail({ ...trial({}, { parallel: { execution } }), environment: { module } });
    expect(error).toMatchObject({ code: 'ERR_ENVIRONMENT', cause: { code: 'ERR_MODULE_NOT_FOUND' } });
  });

  it('cannot be loaded', async () => {
    const module = new URL('fixtures/broken.js', import.meta.url);
    const { error } = await fail({ ...trial({}, { parallel: { execution } }), environment: { module } });
    expect(error).toMatchObject({ code: 'ERR_ENVIRONMENT', cause: { message: 'this module is broken' } });
  });

  it('exports nothing', async () => {
    const module = new URL('fixtures/nothing.js', import.meta.url);
    const { error } = await fail({ ...trial({}, { parallel: { execution } }), environment: { module } });
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ field: 'environment.module', value: module.href });
  });
});

describe('a thread that dies', () => {
  it('by process.exit', async () => {
    const { error, fault } = await fail(trial({ fail: 'exit', failTurn: 4 }));
    expect(error).toMatchObject({
      code: 'ERR_WORKER_EXIT',
      message: 'actor-0 ended with code 3 before its work was done.',
    });
    expect(fault).toMatchObject({ code: 'ERR_WORKER_EXIT', worker: 'actor-0' });
  });

  it('by an error outside of its call', async () => {
    const { error } = await fail(trial({ fail: 'late' }));
    expect(error).toMatchObject({ code: 'ERR_WORKER', message: 'actor-0 failed: the world has ended' });
    expect((error as Error).cause).toMatchObject({ name: 'RangeError', code: 'E_WORLD' });
  });

  it('for its environment has other agents than the main thread was told', async () => {
    const { error } = await fail(trial({ fail: 'agents' }));
    expect(error).toMatchObject({
      code: 'ERR_ENVIRONMENT',
      message: expect.stringContaining('other agents each time'),
    });
  });

  it('while others wait for it: an actor for its learner', async () => {
    const parallel = { trainInterval: 1, maxTrainingLag: 0, learningStarts: 0 };
    const { error, fault } = await fail(trial({ fail: 'huge' }, { parallel, experiment: { epochs: Infinity } }));
    expect(error).toMatchObject({ code: 'ERR_NOT_FINITE' });
    expect(fault?.worker).toMatch(/^learner-[01]$/);
  });

  it('while others wait for it: learners that owe nothing', async () => {
    const { error } = await fail(trial({ fail: 'act', failTurn: 15 }, { parallel: { learningStarts: 1_000_000 } }));
    expect(error).toMatchObject(worldHasEnded);
  });
});

describe.each(['sequential', 'async'] as const)('training that diverges: %s', (execution) => {
  it('names agent, figure and step', async () => {
    const configuration = trial(
      { agents: 1, fail: 'huge' },
      { parallel: { execution, trainInterval: 1 }, experiment: { epochs: Infinity } },
    );
    const { error } = await fail(configuration);
    expect(error).toBeInstanceOf(MarlinError);
    expect(error).toMatchObject({ code: 'ERR_NOT_FINITE' });
    expect((error as Error).message).toMatch(/^\w+ of agent-0 became (Infinity|-Infinity|NaN) at training step \d+\.$/);
  });
});

it('a sink that throws ends the run, and leaves no reader waiting', async () => {
  using threads = new ThreadWatch();
  for (const execution of ['sequential', 'async'] as const) {
    const system = new MarlSystem(trial({}, { parallel: { execution } }));
    let closed = 0;
    system.addSink({
      write: () => {
        throw new Error('the pen is dry');
      },
      close: async () => {
        closed++;
      },
    });
    const reader = system.records();
    await expect(system.run()).rejects.toThrow('the pen is dry');
    await expect(reader.next()).rejects.toThrow('the pen is dry');
    expect(closed).toBe(1);
  }
  expect(threads.alive).toBe(0);
});

it('sinks are closed also where the run does not start', async () => {
  let closed = 0;
  const system = new MarlSystem(trial({ fail: 'create' }));
  system.addSink({
    write: () => {},
    close: async () => {
      closed++;
    },
  });
  await expect(system.run()).rejects.toMatchObject({ code: 'E_WORLD' });
  expect(closed).toBe(1);
});
