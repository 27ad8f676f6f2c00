import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { MarlSystem, reproduceRun } from 'marlin-rl';
import type { FaultRecord, MarlConfiguration, RunSummary, TrainingRecord } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, smallDqn, ThreadWatch } from './trial-run.js';

let scratch: string;
let runs = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-supervision-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

const perilous = new URL('./fixtures/perilous.js', import.meta.url);

type Overrides = Partial<Omit<MarlConfiguration, 'environment'>>;

/** A short run whose actor dies `deaths` times as the options say. */
function perilousRun(
  options: Readonly<Record<string, unknown>>,
  deaths: number,
  { experiment, parallel, ...overrides }: Overrides = {},
): MarlConfiguration {
  const counts = new Int32Array(new SharedArrayBuffer(8));
  counts[1] = deaths;
  return {
    environment: { module: perilous },
    environmentOptions: { ...options, deaths: counts },
    agents: { algorithm: smallDqn },
    output: { directory: join(scratch, String(runs++)) },
    ...overrides,
    experiment: { epochs: 10, seed: 1, ...experiment },
    parallel: { learningStarts: 40, batchSize: 16, bufferCapacity: 500, ...parallel },
  };
}

interface Outcome {
  readonly summary: RunSummary;
  readonly records: readonly TrainingRecord[];
  readonly faults: readonly FaultRecord[];
}

async function outcomeOf(system: MarlSystem): Promise<Outcome> {
  const records: TrainingRecord[] = [];
  system.addSink({ write: (record) => void records.push(record), close: async () => {} });
  using threads = new ThreadWatch();
  const summary = await system.run();
  expect(threads.alive).toBe(0);
  return { summary, records, faults: records.filter((record) => record.kind === 'fault') };
}

/** All turns and training steps are done, and every epoch is told once. */
function expectWhole({ summary, records }: Outcome, epochs: number, turns: number): void {
  expect(summary).toMatchObject({ epochs, turns });
  for (const agent of summary.agents) expect(agent.trainSteps).toBe(agent.owedTrainSteps);
  const told = records.filter((record) => record.kind === 'episode').map((record) => record.episode);
  expect(told).toEqual(Array.from({ length: epochs }, (_, index) => index + 1));
}

describe('an actor that', () => {
  it.each([
    ['throws', { death: 'throw' }, { code: 'E_BRIDGE', message: 'the bridge is out' }],
    ['throws between two epochs', { death: 'reset' }, { code: 'E_BRIDGE' }],
    ['throws at its first turn', { death: 'throw', turn: 1, epoch: 0 }, { code: 'E_BRIDGE' }],
    ['calls process.exit()', { death: 'exit' }, { code: 'ERR_WORKER_EXIT' }],
    ['fills its heap', { death: 'heap' }, { code: 'ERR_WORKER' }],
    ['hangs', { death: 'hang' }, { code: 'ERR_WORKER_HANG', message: expect.stringContaining('actor-0 hangs') }],
  ])('%s is replaced, and the run ends with all it owes', async (_, options, fault) => {
    const configuration = perilousRun(options, 2, {
      parallel: { heapLimitMb: 48, heartbeatTimeoutMs: options.death === 'hang' ? 300 : 30_000 },
    });
    const outcome = await outcomeOf(new MarlSystem(configuration));
    expect(outcome.faults).toHaveLength(2);
    for (const record of outcome.faults) {
      expect(record).toMatchObject({ worker: 'actor-0', recovered: true, ...fault });
      expect(record.turns_lost).toBeLessThan(20);
    }
    expectWhole(outcome, 10, 200);
  });

  it.each(['sequential', 'lockstep'] as const)('dies is replaced where it can be: %s', async (execution) => {
    const configuration = perilousRun({}, 1, { parallel: { execution, learnerWorkers: 2 } });
    const outcome = await outcomeOf(new MarlSystem(configuration));
    expect(outcome.faults).toHaveLength(execution === 'lockstep' ? 1 : 0);
    expectWhole(outcome, 10, 200);
  });

  it('dies too often ends the run, which says where to go on', async () => {
    const configuration = perilousRun({ epoch: 3 }, 100, {
      experiment: { epochs: 30, checkpointEvery: 2 },
      parallel: { restart: { maxRestarts: 2 } },
    });
    const system = new MarlSystem(configuration);
    const records: TrainingRecord[] = [];
    system.addSink({ write: (record) => void records.push(record), close: async () => {} });
    using threads = new ThreadWatch();
    const error = await failureOf(system.run());
    expect(threads.alive).toBe(0);
    expect(error).toMatchObject({ code: 'ERR_RESTARTS', cause: { code: 'E_BRIDGE', message: 'the bridge is out' } });
    const { message } = error as Error;
    expect(message).toMatch(
      /^actor-0 failed 3 times, more than 2 restarts within 60000 ms allow \(parallel\.restart\)/,
    );
    // Each life plays three epochs.
    expect(message).toContain('the bridge is out. The last checkpoint is that of epoch 8: marlin train --resume');
    expect(records.map(({ kind }) => kind).filter((kind) => kind === 'fault')).toHaveLength(3);
    expect(records.at(-1)).toMatchObject({ kind: 'fault', recovered: false, code: 'ERR_RESTARTS' });
  });

  it('may die for ever, if seldom enough', async () => {
    const configuration = perilousRun({ epoch: 0 }, 5, {
      parallel: { restart: { maxRestarts: 1, withinMs: 0.001 } },
    });
    const outcome = await outcomeOf(new MarlSystem(configuration));
    expect(outcome.faults).toHaveLength(5);
    expectWhole(outcome, 10, 200);
  });

  it('was refused is not asked again', async () => {
    const other = {
      ...perilousRun({}, 0),
      agents: { algorithm: { module: new URL('./fixtures/nothing.js', import.meta.url) } },
    };
    expect(await failureOf(new MarlSystem(other).run())).toMatchObject({ code: 'ERR_CONFIGURATION' });
  });
});

describe('a crashed and recovered run is reproduced', () => {
  it.each([
    ['dqn', smallDqn, {}],
    ['dqn, snapshots, a small ring', smallDqn, { mode: 'snapshot', bufferCapacity: 60 }],
    ['dqn by priority', { ...smallDqn, replay: { kind: 'prioritized' } }, {}],
    ['ppo', { name: 'ppo', hiddenSizes: [8], rolloutTurns: 24, minibatchSize: 10, passes: 2 }, {}],
    ['dqn, normalised', { ...smallDqn, normalize: { observations: true, rewards: true } }, {}],
  ] as const)('%s', async (_, algorithm, parallel) => {
    for (const [turn, epoch] of [
      [1, 0],
      [20, 1],
      [13, 2],
    ]) {
      const configuration = perilousRun({ turn, epoch }, 3, { agents: { algorithm }, parallel });
      const outcome = await outcomeOf(new MarlSystem(configuration));
      expect(outcome.faults).toHaveLength(3);
      expectWhole(outcome, 10, 200);
      expect(await reproduceRun(outcome.summary.directory ?? '')).toMatchObject({
        isSame: true,
        difference: undefined,
      });
    }
  });
});

/** Runs DQN whose threads die (fixtures/perilous-dqn.js), and checks what is true of it in any case. */
async function fatalRun(
  deaths: { readonly who: string; readonly after: number; readonly how: string; readonly limit: number },
  settings: Readonly<Record<string, unknown>>,
  parallel: MarlConfiguration['parallel'],
  faultCount: number = deaths.limit,
): Promise<Outcome> {
  const directory = join(scratch, String(runs++));
  const file = `${directory}-deaths`;
  process.env['MARLIN_TEST_DEATHS'] = JSON.stringify({ ...deaths, file });
  try {
    const module = new URL('./fixtures/perilous-dqn.js', import.meta.url);
    const outcome = await outcomeOf(
      new MarlSystem({
        environment: 'treasurehunt',
        agents: { algorithm: { module, hiddenSizes: [8], frameStack: 2, nStep: 2, ...settings } },
        experiment: { epochs: 12, seed: 1, maxTurns: 50 },
        parallel: { learningStarts: 60, batchSize: 16, bufferCapacity: 300, ...parallel },
        output: { directory },
      }),
    );
    expect(outcome.faults).toHaveLength(faultCount);
    expectWhole(outcome, 12, 600);
    return outcome;
  } finally {
    delete process.env['MARLIN_TEST_DEATHS'];
  }
}

describe('a learner that dies in the middle of a training step', () => {
  it.each([
    ['throw', {}, {}],
    ['exit', { replay: { kind: 'prioritized' } }, { learnerWorkers: 1 }],
    ['throw', {}, { mode: 'snapshot', publishInterval: 4 }],
    ['hang', {}, { learnerWorkers: 2, heartbeatTimeoutMs: 300 }],
    ['throw', { normalize: { observations: true, rewards: true } }, { bufferCapacity: 60 }],
  ] as const)(
    'by %s, with %o and %o: no more than since its last commits is lost, and the run is reproduced',
    async (how, settings, parallel) => {
      const { faults, summary } = await fatalRun({ who: 'learner', after: 19, how, limit: 3 }, settings, parallel);
      const { publishInterval = 10, learnerWorkers } = { learnerWorkers: 2, ...parallel } as NonNullable<
        MarlConfiguration['parallel']
      >;
      const policies = learnerWorkers === 1 ? 2 : 1;
      for (const fault of faults) {
        expect(fault.worker).toMatch(/^learner-/);
        expect(fault.train_steps_lost).toBeLessThan(policies * publishInterval);
      }
      expect(Math.max(...faults.map((fault) => fault.train_steps_lost ?? 0))).toBeGreaterThan(0);
      expect(await reproduceRun(summary.directory ?? '')).toMatchObject({ isSame: true, difference: undefined });
    },
  );

  it('in lockstep', async () => {
    const { faults } = await fatalRun(
      { who: 'learner', after: 19, how: 'throw', limit: 3 },
      {},
      { execution: 'lockstep' },
    );
    expect(new Set(faults.map((fault) => fault.message))).toEqual(new Set(['met its fate']));
  });
});

it('a publication that its learner could not write down is reproduced', async () => {
  const { faults, summary } = await fatalRun({ who: 'publisher', after: 2, how: 'throw', limit: 3 }, {}, {});
  for (const fault of faults) expect(fault.train_steps_lost).toBe(0);
  expect(await reproduceRun(summary.directory ?? '')).toMatchObject({ isSame: true, difference: undefined });
});

it('whoever dies behind its last word is missed by nobody', async () => {
  const { summary } = await fatalRun({ who: 'done', after: 1, how: 'throw', limit: 3 }, {}, {}, 0);
  expect(await reproduceRun(summary.directory ?? '')).toMatchObject({ isSame: true, difference: undefined });
});

it('an actor that dies while it reads weights holds up no publication', async () => {
  const { faults, summary } = await fatalRun(
    { who: 'actor', after: 40, how: 'throw', limit: 3 },
    { epsilon: { start: 0.2, end: 0.2 } },
    {},
  );
  for (const fault of faults) expect(fault.worker).toBe('actor-0');
  expect(await reproduceRun(summary.directory ?? '')).toMatchObject({ isSame: true, difference: undefined });
});

/** Terminates threads of a run at random moments, from the beginning of a run to its end. */
class Killer implements Disposable {
  kills = 0;
  readonly #alive = new Set<Worker>();
  readonly #timer: NodeJS.Timeout;

  readonly #onWorker = (worker: Worker): void => {
    this.#alive.add(worker);
    worker.once('exit', () => this.#alive.delete(worker));
  };

  constructor(everyMs: number, limit: number) {
    process.on('worker', this.#onWorker);
    this.#timer = setInterval(() => {
      const threads = [...this.#alive];
      if (threads.length === 0 || this.kills >= limit) return;
      this.kills++;
      void threads[Math.floor(Math.random() * threads.length)]?.terminate();
    }, everyMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    process.off('worker', this.#onWorker);
  }
}

describe('threads that are killed at any moment', () => {
  // PPO commits once an iteration.
  it.each([
    ['dqn', 10],
    ['ppo', 40],
  ])('%s: the run does all that it owes, and is reproduced', async (name, stepsPerCommit) => {
    const directory = join(scratch, `killed-${name}`);
    using killer = new Killer(70, 12);
    const system = new MarlSystem({
      environment: 'treasurehunt',
      agents: { algorithm: { name } },
      experiment: { epochs: 60, seed: 3, checkpointEvery: 7 },
      parallel: { restart: { maxRestarts: Infinity }, learningStarts: 200 },
      output: { directory },
    });
    const outcome = await outcomeOf(system);
    expect(killer.kills).toBeGreaterThan(0);
    expect(outcome.faults.length).toBeGreaterThan(0);
    expectWhole(outcome, 60, 6_000);
    for (const fault of outcome.faults) {
      expect(fault.train_steps_lost ?? 0).toBeLessThanOrEqual(stepsPerCommit);
    }
    expect(await readdir(join(directory, 'checkpoints'))).toEqual(['00000056', '00000060']);
    expect(await reproduceRun(directory)).toMatchObject({ isSame: true, difference: undefined });
  });
});
