import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MarlSystem } from 'marlin-rl';
import type { Execution, MarlConfiguration } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runAndRecord, smallDqn, ThreadWatch, timeless, trial } from './trial-run.js';

type Parallel = NonNullable<MarlConfiguration['parallel']>;

function ordered(records: readonly unknown[]): string[] {
  return records.map((record) => JSON.stringify(record)).toSorted();
}

async function outcomeOf(execution: Execution, configuration: MarlConfiguration, parallel: Parallel = {}) {
  const { summary, records } = await runAndRecord({
    ...configuration,
    parallel: { ...configuration.parallel, ...parallel, execution },
  });
  return { hashes: summary.agents.map((agent) => agent.weightsHash), records: records.map(timeless) };
}

const algorithms: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['dqn', smallDqn],
  ['iqn', { name: 'iqn', hiddenSizes: [8, 8], quantiles: 4, cosines: 4, frameStack: 2, nStep: 2 }],
  ['ppo', { name: 'ppo', hiddenSizes: [8], rolloutTurns: 24, minibatchSize: 10, passes: 2 }],
  ['dqn, normalised', { ...smallDqn, normalize: { observations: true, rewards: true } }],
];

const shapes: readonly Parallel[] = [
  { learnerWorkers: 1 },
  { learnerWorkers: 2, mode: 'snapshot' },
  { learnerWorkers: 3 },
  { learnerWorkers: 1, mode: 'snapshot' },
];

describe.each(algorithms)('lockstep, %s: the weights and the records of a sequential run', (_, algorithm) => {
  const configuration = trial(
    { agents: 3, agentTurns: 3, masks: true },
    { agents: { algorithm }, experiment: { epochs: 12, seed: 4, logInterval: 1 } },
  );

  it.each(shapes)('%o', async (parallel) => {
    const expected = await outcomeOf('sequential', configuration);
    using threads = new ThreadWatch();
    expect(await outcomeOf('lockstep', configuration, parallel)).toEqual(expected);
    expect(threads.started).toBe(1 + (parallel.learnerWorkers === 'auto' ? 2 : (parallel.learnerWorkers ?? 2)));
    expect(threads.alive).toBe(0);
  });
});

describe('lockstep', () => {
  it.each<Parallel>([
    { learningStarts: 0, trainInterval: 1, gradientSteps: 3, publishInterval: 1 },
    // A batch is there long after training came to be owed, and in the middle of an epoch.
    { learningStarts: 0, trainInterval: 1, batchSize: 64, publishInterval: 2 },
    { learningStarts: 7, trainInterval: 5, gradientSteps: 2, publishInterval: 100 },
    { gradientSteps: 0 },
    // The bound of async means nothing here.
    { maxTrainingLag: Infinity, trainInterval: 1 },
    // The ring is overwritten many times over.
    { bufferCapacity: 48, trainInterval: 1 },
  ])('comes to the bits of a sequential run at these rates: %o', async (rates) => {
    const { parallel, ...rest } = trial({ agents: 2 }, { experiment: { epochs: 15, seed: 2, logInterval: 1 } });
    const configuration = { ...rest, parallel: { ...parallel, ...rates } };
    const expected = await outcomeOf('sequential', configuration);
    for (const learnerWorkers of [1, 2]) {
      expect(await outcomeOf('lockstep', configuration, { learnerWorkers })).toEqual(expected);
    }
  });

  it('evaluates the weights that a sequential run evaluates', async () => {
    const experiment = { epochs: 12, seed: 2, evaluateEvery: 3, evaluateEpisodes: 4 };
    const configuration = trial({ size: 4 }, { experiment, parallel: { trainInterval: 1 } });
    const expected = await outcomeOf('sequential', configuration);
    expect(JSON.stringify(expected.records)).toContain('"evaluation"');
    const { records } = await outcomeOf('lockstep', configuration);
    // An evaluation is recorded when it has been played, which may be after later epochs.
    expect(ordered(records)).toEqual(ordered(expected.records));
  });

  it('pauses, goes on, and stops soon', async () => {
    const { parallel, ...rest } = trial({}, { experiment: { epochs: Infinity, logInterval: 1 } });
    const system = new MarlSystem({ ...rest, parallel: { ...parallel, execution: 'lockstep', trainInterval: 1 } });
    const epochs: number[] = [];
    for await (const record of system.records()) {
      if (record.kind !== 'iteration') continue;
      epochs.push(record.episodes_total);
      if (epochs.length % 5 === 0) {
        system.pause();
        await new Promise((resolve) => setTimeout(resolve, 30));
        system.resume();
      }
      if (epochs.length === 20) break;
    }
    await system.stop();
    const summary = await system.run();
    expect(summary.reason).toBe('stopped');
    for (const agent of summary.agents) expect(agent.trainSteps).toBe(agent.owedTrainSteps);
  });
});

describe('the command', () => {
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'marlin-lockstep-'));
  });
  afterAll(async () => {
    await rm(scratch, { recursive: true });
  });

  it('writes the execution to config.json', async () => {
    const directory = join(scratch, 'run');
    await new MarlSystem({ ...trial({}, { parallel: { execution: 'lockstep' } }), output: { directory } }).run();
    const { configuration } = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'));
    expect(configuration.parallel.execution).toBe('lockstep');
  });
});
