import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MarlSystem, reproduceRun } from 'marlin-rl';
import type { MarlConfiguration } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../cli/run-command.js';
import { failureOf, smallDqn, trial } from './trial-run.js';

type Parallel = NonNullable<MarlConfiguration['parallel']>;

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-reproduce-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

let runs = 0;

/** A run of the trial environment that leaves files, and its directory. */
async function recorded(overrides: Parameters<typeof trial>[1] = {}, options = {}) {
  const directory = join(scratch, String(runs++));
  const experiment = { epochs: 20, seed: 5, logInterval: 1, ...overrides?.experiment };
  const configuration = trial({ agentTurns: 7, agents: 2, ...options }, { ...overrides, experiment });
  const system = new MarlSystem({ ...configuration, output: { directory } });
  const summary = await system.run();
  return { directory, summary, system };
}

type Recorded = Awaited<ReturnType<typeof recorded>>;

/** What the reproduction of a run must come to. */
function sameAs({ summary }: Pick<Recorded, 'summary'>) {
  return {
    isSame: true,
    difference: undefined,
    turns: summary.turns,
    epochs: summary.epochs,
    trainSteps: summary.trainSteps,
    // An episode and an iteration for each epoch.
    records: 2 * summary.epochs,
    weightsHashes: Object.fromEntries(summary.agents.map((agent) => [agent.id, agent.weightsHash])),
  };
}

const algorithms: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['dqn', smallDqn],
  ['dqn by priority', { ...smallDqn, replay: { kind: 'prioritized' } }],
  ['noisy dqn', { ...smallDqn, noise: { kind: 'factorised' } }],
  ['iqn', { name: 'iqn', hiddenSizes: [8, 8], quantiles: 4, cosines: 4, frameStack: 2, nStep: 2 }],
  ['ppo', { name: 'ppo', hiddenSizes: [8], rolloutTurns: 24, minibatchSize: 10, passes: 2 }],
  ['dqn, normalised', { ...smallDqn, normalize: { observations: true, rewards: true } }],
  [
    'dqn by priority, normalised',
    { ...smallDqn, replay: { kind: 'prioritized' }, normalize: { observations: true, rewards: true } },
  ],
];

describe.each(algorithms)(
  'an asynchronous run of %s comes to the same bits and records by its schedule',
  (_, algorithm) => {
    it.each<Parallel>([
      {},
      { mode: 'snapshot', learnerWorkers: 1, trainInterval: 1 },
      // Nobody waits for anybody, and the ring is overwritten while it is read.
      { bufferCapacity: 60, maxTrainingLag: Infinity, trainInterval: 1, publishInterval: 1, gradientSteps: 2 },
    ])('%o', async (parallel) => {
      const run = await recorded({ agents: { algorithm }, parallel });
      expect(await reproduceRun(run.directory)).toEqual(sameAs(run));
    });
  },
);

describe('a run is reproduced', () => {
  it('when it was paused, and stopped in the middle of an epoch', async () => {
    const directory = join(scratch, 'stopped');
    const experiment = { epochs: Infinity, seed: 5, logInterval: 1 };
    const configuration = trial({ agents: 2 }, { experiment, parallel: { trainInterval: 1 } });
    const system = new MarlSystem({ ...configuration, output: { directory } });
    for await (const record of system.records()) {
      if (record.kind === 'episode' && record.episode === 10) {
        system.pause();
        setTimeout(() => system.resume(), 50);
      }
      if (record.kind === 'episode' && record.episode === 40) break;
    }
    await system.stop();
    const summary = await system.run();
    expect(await system.reproduce()).toEqual(sameAs({ summary }));
  });

  it.each(['sequential', 'lockstep'] as const)('by its seed alone, if it was %s', async (execution) => {
    const run = await recorded({ parallel: { execution } });
    expect(await readdir(run.directory)).not.toContain('schedule');
    expect(await reproduceRun(run.directory)).toEqual(sameAs(run));
  });

  it('when it ended by the clock', async () => {
    const run = await recorded({ experiment: { epochs: Infinity, maxSeconds: 0.3 }, parallel: { trainInterval: 2 } });
    expect(await reproduceRun(run.directory)).toEqual(sameAs(run));
  });

  it('with agents of different algorithms, one of them fixed, one at random', async () => {
    const trained = await recorded();
    const agents = [
      { algorithm: { name: 'fixed', run: trained.directory, agent: 'agent-0' } },
      { algorithm: { name: 'random' } },
      { algorithm: smallDqn },
    ];
    const run = await recorded({ agents }, { agents: 3 });
    expect(await reproduceRun(run.directory)).toEqual(sameAs(run));
  });
});

describe('a run of several agents whose rings have wrapped is reproduced', () => {
  it.each([1, 2, 3, 4, 5, 6])('by its schedule: seed %i', async (seed) => {
    // Several learners have draws refused at the same time.
    const parallel = {
      bufferCapacity: seed % 2 === 0 ? 60 : 300,
      maxTrainingLag: 32,
      trainInterval: 1,
      gradientSteps: 2,
    };
    const experiment = { epochs: 60, seed, logInterval: 1 };
    const run = await recorded({ parallel, experiment }, { agents: 2 + (seed % 3) });
    expect(await reproduceRun(run.directory)).toEqual(sameAs(run));
  });
});

describe('what differs is told, and where', () => {
  let directory: string;
  beforeAll(async () => {
    ({ directory } = await recorded({ parallel: { trainInterval: 1 } }));
  });

  /** A copy of the run in which a file is another. */
  async function changed(file: string, change: (bytes: Buffer) => Uint8Array | string): Promise<string> {
    const copy = join(scratch, String(runs++));
    await cp(directory, copy, { recursive: true });
    await writeFile(join(copy, file), change(await readFile(join(copy, file))));
    return copy;
  }

  it('another seed', async () => {
    const copy = await changed('config.json', (bytes) => bytes.toString().replace('"seed": 5', '"seed": 6'));
    expect(await reproduceRun(copy)).toMatchObject({
      isSame: false,
      difference: expect.stringMatching(/^after \d+ turns, record 1 has another episode\.\S+: .+, not .+/),
    });
  });

  it('another reward in the records', async () => {
    const copy = await changed('metrics.jsonl', (bytes) => {
      const lines = bytes.toString().split('\n');
      lines[10] = (lines[10] ?? '').replace(/"episode_len":\d+/, '"episode_len":3');
      return lines.join('\n');
    });
    expect(await reproduceRun(copy)).toMatchObject({
      isSame: false,
      difference: expect.stringMatching(/record 11 has another episode\.episode_len: \d+, not 3$/),
      records: 10,
    });
  });

  it('records that are missing, or too many', async () => {
    const fewer = await changed('metrics.jsonl', (bytes) => {
      const lines = bytes.toString().split('\n');
      return lines.toSpliced(20, 4).join('\n');
    });
    expect(await reproduceRun(fewer)).toMatchObject({ isSame: false, records: 20 });
    const more = await changed('metrics.jsonl', (bytes) => {
      const lines = bytes.toString().split('\n');
      return lines.toSpliced(-2, 0, lines[0] ?? '').join('\n');
    });
    expect(await reproduceRun(more)).toMatchObject({ isSame: false, difference: 'the run wrote more than 40 records' });
  });

  it('totals that are not what they were', async () => {
    const copy = await changed('metrics.jsonl', (bytes) =>
      bytes.toString().replace(/"train_steps_total":\d+(,"seconds")/, '"train_steps_total":3$1'),
    );
    expect(await reproduceRun(copy)).toMatchObject({
      difference: expect.stringMatching(/training steps were done, not 3/),
    });
  });

  it('other weights at the end', async () => {
    const copy = await changed('metrics.jsonl', (bytes) =>
      bytes.toString().replace(/"agent-1":"[0-9a-f]{64}"/, `"agent-1":"${'0'.repeat(64)}"`),
    );
    const { difference } = await reproduceRun(copy);
    expect(difference).toMatch(/^the weights of agent-1 came out as [0-9a-f]{64}, not 0{64}$/);
  });

  it('any byte of the schedule of a learner', async () => {
    const { length } = await readFile(join(directory, 'schedule', 'learner-0.bin'));
    const outcomes: string[] = [];
    for (let place = 5; place < length; place += Math.ceil(length / 25)) {
      const copy = await changed(join('schedule', 'learner-0.bin'), (bytes) => bytes.with(place, bytes[place] ^ 5));
      outcomes.push(
        await reproduceRun(copy).then(
          ({ isSame, difference }) => (isSame ? 'the same' : (difference ?? 'no difference')),
          (error: { readonly code?: string }) => error.code ?? String(error),
        ),
      );
      await rm(copy, { recursive: true });
    }
    expect(outcomes.length).toBeGreaterThan(20);
    expect(outcomes.filter((outcome) => !/agent-\d|weights|ERR_SCHEDULE/.test(outcome))).toEqual([]);
  });

  it('a schedule that was cut off', async () => {
    for (const file of ['actor-0.bin', 'learner-0.bin']) {
      const copy = await changed(join('schedule', file), (bytes) => bytes.subarray(0, bytes.length >> 1));
      expect(await reproduceRun(copy)).toMatchObject({ isSame: false });
    }
  });

  it('no schedule, another platform, or a run that did not end', async () => {
    const without = await changed('config.json', (bytes) => bytes);
    await rm(join(without, 'schedule'), { recursive: true });
    expect(await failureOf(reproduceRun(without))).toMatchObject({ code: 'ERR_SCHEDULE' });
    for (const [key, message] of [
      ['engine', /with engine else; here it is v8/],
      ['kernels', /with kernels else/],
      ['architecture', /with architecture else/],
    ] as const) {
      const copy = await changed('config.json', (bytes) =>
        JSON.stringify({ ...JSON.parse(bytes.toString()), [key]: 'else' }),
      );
      const failure = await failureOf(reproduceRun(copy));
      expect(failure).toMatchObject({ code: 'ERR_REPRODUCTION', message: expect.stringMatching(message) });
    }
    const unfinished = await changed('metrics.jsonl', (bytes) => {
      const lines = bytes.toString().split('\n');
      return `${lines.slice(0, -2).join('\n')}\n`;
    });
    expect(await failureOf(reproduceRun(unfinished))).toMatchObject({
      code: 'ERR_REPRODUCTION',
      message: expect.stringMatching(/did not end in good order/),
    });
    expect(await failureOf(reproduceRun(join(scratch, 'nowhere')))).toMatchObject({ code: 'ERR_RUN_DIRECTORY' });
  });

  it('a sequential run that was stopped with much training owed', async () => {
    const parallel = { execution: 'sequential', trainInterval: 40, gradientSteps: 10_000_000 } as const;
    const own = join(scratch, 'owing');
    const system = new MarlSystem({ ...trial({}, { parallel }), output: { directory: own } });
    await system.start();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await system.stop();
    expect(await failureOf(reproduceRun(own))).toMatchObject({
      code: 'ERR_REPRODUCTION',
      message: expect.stringMatching(/still owed, and nothing says of whom/),
    });
  });

  it.each(['', '{"kind":"epi', 'no json\n'])('records that are none: %j', async (text) => {
    const copy = await changed('metrics.jsonl', () => text);
    expect(await failureOf(reproduceRun(copy))).toMatchObject({ code: 'ERR_REPRODUCTION' });
  });

  it('by the command, with exit code 1', async () => {
    const same = await runCommand(['reproduce', directory]);
    expect(same).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^The same as .+, bit for bit: 400 turns/),
    });
    const copy = await changed('config.json', (bytes) => bytes.toString().replace('"seed": 5', '"seed": 6'));
    const other = await runCommand(['reproduce', copy, '--json']);
    expect(other.exitCode).toBe(1);
    expect(JSON.parse(other.stdout)).toMatchObject({ run: copy, isSame: false });
    expect(await runCommand(['reproduce', join(scratch, 'nowhere')])).toMatchObject({ exitCode: 1 });
  });
});

it('a run that is not to be recorded writes no schedule', async () => {
  const directory = join(scratch, 'unrecorded');
  await new MarlSystem({ ...trial(), output: { directory, schedule: false } }).run();
  expect(await readdir(directory)).not.toContain('schedule');
});
