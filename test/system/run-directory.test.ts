import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MarlSystem } from 'marlin-rl';
import type { MarlConfiguration, TrainingRecord } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, ThreadWatch, trial } from './trial-run.js';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-runs-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

interface ConfigurationFile {
  readonly marlin: string;
  readonly node: string;
  readonly engine: string;
  readonly architecture: string;
  readonly kernels: string;
  readonly configuration: MarlConfiguration;
}

async function configurationOf(directory: string): Promise<ConfigurationFile> {
  return JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as ConfigurationFile;
}

async function metricsOf(directory: string): Promise<TrainingRecord[]> {
  const lines = (await readFile(join(directory, 'metrics.jsonl'), 'utf8')).split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line) as TrainingRecord);
}

describe.each(['sequential', 'async'] as const)('the directory of a run: %s', (execution) => {
  it('is made where it is missing, and holds whole files', async () => {
    const directory = join(scratch, execution, 'deep', 'within');
    const summary = await new MarlSystem({ ...trial({}, { parallel: { execution } }), output: { directory } }).run();
    expect(summary.directory).toBe(directory);
    // What a sequential run comes to depends on no schedule.
    const schedule = execution === 'async' ? ['schedule'] : [];
    const files = ['checkpoints', 'config.json', 'metrics.jsonl', ...schedule, 'weights'];
    expect((await readdir(directory)).toSorted()).toEqual(files);
    const records = await metricsOf(directory);
    expect(records).toHaveLength(12);
    expect(records.at(-1)).toMatchObject({
      kind: 'done',
      weights_hashes: { 'agent-0': summary.agents[0]?.weightsHash },
    });
  });

  it('is whole also when the run is stopped', async () => {
    const directory = join(scratch, `${execution}-stopped`);
    const endless = trial({ busyMs: 1 }, { parallel: { execution }, experiment: { epochs: Infinity, maxTurns: 2 } });
    const system = new MarlSystem({ ...endless, output: { directory } });
    for await (const record of system.records()) {
      if (record.kind === 'episode') void system.stop();
    }
    expect((await metricsOf(directory)).at(-1)).toMatchObject({ kind: 'done', reason: 'stopped' });
  });
});

it('config.json holds every default and what the bits depend on', async () => {
  const directory = join(scratch, 'defaults');
  const experiment = { epochs: 1, maxTurns: 3 };
  await new MarlSystem({ environment: 'treasurehunt', experiment, output: { directory } }).run();
  const { configuration, ...versions } = await configurationOf(directory);
  expect(versions).toEqual({
    marlin: expect.stringMatching(/^\d+\.\d+\.\d+/),
    node: process.version,
    engine: `v8 ${process.versions.v8}`,
    architecture: process.arch,
    kernels: expect.stringMatching(/^[0-9a-f]+$/),
    networkEngines: { 'agent-0': 'kernels', 'agent-1': 'kernels' },
  });
  expect(configuration).toMatchObject({
    environment: 'treasurehunt',
    environmentOptions: { height: 21 },
    agents: [
      { id: 'agent-0', algorithm: { name: 'dqn', epsilon: { start: 1 } }, priority: 1 },
      { id: 'agent-1', algorithm: { name: 'dqn', epsilon: { start: 1 } }, priority: 1 },
    ],
    experiment: { epochs: 1, maxTurns: 3, totalTurns: 'Infinity', maxSeconds: 'Infinity' },
    parallel: { execution: 'async', maxTrainingLag: 32 },
  });
});

it('config.json makes the same run again', async () => {
  const directory = join(scratch, 'first');
  const configuration: MarlConfiguration = {
    ...trial({ size: 5 }, { parallel: { execution: 'sequential', maxTrainingLag: Infinity } }),
    output: { directory },
  };
  const first = await new MarlSystem(configuration).run();
  const again = await new MarlSystem((await configurationOf(directory)).configuration).run();
  expect(again.agents).toEqual(first.agents);
  expect(again.rewardMean).toBe(first.rewardMean);
});

describe('a run directory is refused', () => {
  it.each(['config.json', 'metrics.jsonl', 'schedule', 'weights', 'trace.json'])(
    'that holds a run already: %s',
    async (file) => {
      using threads = new ThreadWatch();
      const directory = join(scratch, `held-${file}`);
      await mkdir(directory);
      await writeFile(join(directory, file), 'precious');
      const error = await failureOf(new MarlSystem({ ...trial(), output: { directory } }).run());
      expect(error).toMatchObject({ name: 'MarlinError', code: 'ERR_RUN_DIRECTORY' });
      expect((error as Error).message).toBe(`${directory} holds a run already; choose another directory.`);
      expect(await readdir(directory)).toEqual([file]);
      expect(await readFile(join(directory, file), 'utf8')).toBe('precious');
      expect(threads.started).toBe(0);
    },
  );

  it('where there cannot be one', async () => {
    const file = join(scratch, 'file');
    await writeFile(file, '');
    const error = await failureOf(new MarlSystem({ ...trial(), output: { directory: join(file, 'run') } }).run());
    expect(error).toMatchObject({ code: 'ERR_RUN_DIRECTORY', cause: { code: 'ENOTDIR' } });
  });

  it('but not for other files in it', async () => {
    const directory = join(scratch, 'mixed');
    await mkdir(directory);
    await writeFile(join(directory, 'notes.txt'), '');
    await new MarlSystem({ ...trial(), output: { directory } }).run();
    const files = ['checkpoints', 'config.json', 'metrics.jsonl', 'notes.txt', 'schedule', 'weights'];
    expect((await readdir(directory)).toSorted()).toEqual(files);
  });

  it('and nothing is written for a configuration that is refused', async () => {
    const directory = join(scratch, 'never');
    const bad = { ...trial({}, { parallel: { bufferCapacity: 10 } }), output: { directory } };
    expect(await failureOf(new MarlSystem(bad).run())).toMatchObject({ field: 'parallel.bufferCapacity' });
    expect(await readdir(scratch)).not.toContain('never');
  });
});
