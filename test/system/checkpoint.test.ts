import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MarlSystem, resumeRun } from 'marlin-rl';
import type { Execution, RunSummary } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import {
  checkpointed,
  checkpointsOf,
  episodesOf,
  goOn,
  goOnWarned,
  greedyDqn,
  make,
  outcomeOf,
  recordsOf,
  RunFolder,
  upTo,
} from './checkpoint-runs.js';
import { failureOf } from './trial-run.js';

const folder = new RunFolder();
const executions: readonly Execution[] = ['sequential', 'lockstep', 'async'];
const exactExecutions: readonly Execution[] = ['sequential', 'lockstep'];

/** Rollouts of 24 turns end inside epochs of 20. */
const smallPpo = { name: 'ppo', hiddenSizes: [8], rolloutTurns: 24, minibatchSize: 10, passes: 2 };

function expectAllTrained({ agents }: RunSummary): void {
  for (const agent of agents) expect(agent.trainSteps).toBe(agent.owedTrainSteps);
}

interface Case {
  readonly algorithm: Readonly<Record<string, unknown>>;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly experiment?: Readonly<Record<string, number>>;
}

const cases: readonly (readonly [string, Case])[] = [
  ['dqn, evaluated', { algorithm: greedyDqn, experiment: { evaluateEvery: 2, evaluateEpisodes: 3 } }],
  [
    'iqn',
    { algorithm: { name: 'iqn', hiddenSizes: [8, 8], quantiles: 4, cosines: 4, nStep: 2, epsilon: { start: 0.2 } } },
  ],
  ['ppo', { algorithm: smallPpo }],
  ['dqn, normalised', { algorithm: { ...greedyDqn, normalize: { observations: true, rewards: true } } }],
  ['dqn, prioritized', { algorithm: { ...greedyDqn, replay: { kind: 'prioritized' } } }],
  ['dqn, masks and episodes of single agents', { algorithm: greedyDqn, options: { masks: true, agentTurns: 3 } }],
  ['ppo, masks and episodes of single agents', { algorithm: smallPpo, options: { masks: true, agentTurns: 3 } }],
];

describe.each(exactExecutions)('%s: a run that goes on from any epoch comes to the bits it would have', (execution) => {
  it.each(cases)('%s', async (_, { algorithm, options, experiment }) => {
    const directory = folder.next();
    const overrides = { execution, agents: { algorithm }, experiment: { epochs: 6, ...experiment } };
    const summary = await make(checkpointed(directory, overrides, options));
    expectAllTrained(summary);
    const expected = await outcomeOf(summary);
    expect(await checkpointsOf(directory)).toEqual(upTo(6).map((epoch) => `0000000${epoch}`));
    for (const checkpoint of upTo(5)) {
      const copy = await folder.copyOf(directory);
      const { summary: resumed, warnings } = await goOnWarned(copy, { checkpoint });
      expect(warnings).toEqual([]);
      expect({ checkpoint, ...(await outcomeOf(resumed)) }).toEqual({ checkpoint, ...expected });
      expect(await checkpointsOf(copy)).toEqual(await checkpointsOf(directory));
    }
  });
});

describe('an async run', () => {
  it.each([
    ['dqn', greedyDqn],
    ['ppo', smallPpo],
  ])('goes on to all its turns and training steps, and tells every epoch once: %s', async (_, algorithm) => {
    const directory = folder.next();
    await make(checkpointed(directory, { execution: 'async', agents: { algorithm } }));
    expect(await readdir(directory)).toContain('schedule');
    for (const checkpoint of [1, 4, 6]) {
      const copy = await folder.copyOf(directory);
      const summary = await goOn(copy, { checkpoint, epochs: 9 });
      expect(summary).toMatchObject({ epochs: 9, turns: 180 });
      expectAllTrained(summary);
      expect(await episodesOf(copy)).toEqual(upTo(9));
      expect(await readdir(copy)).not.toContain('schedule');
    }
  });
});

describe.each(executions)('%s: a run that ended inside an epoch', (execution) => {
  const stopped = (directory: string, checkpointEvery: number, totalTurns: number) =>
    checkpointed(directory, { execution, experiment: { epochs: Infinity, totalTurns, checkpointEvery } });

  it('goes on from its whole checkpoint where there is one', async () => {
    const directory = folder.next();
    await make(stopped(directory, 2, 70));
    expect(await checkpointsOf(directory)).toEqual(['00000002', '00000003-inside']);
    const { summary, warnings } = await goOnWarned(directory, { totalTurns: 130 });
    expect(warnings).toEqual([]);
    expectAllTrained(summary);
    expect(await episodesOf(directory)).toEqual(upTo(6));
    expect((await checkpointsOf(directory)).at(-1)).toBe('00000006-inside');
  });

  it('goes on from the one inside where there is no other, and says what that means', async () => {
    const directory = folder.next();
    await make(stopped(directory, 100, 70));
    expect(await checkpointsOf(directory)).toEqual(['00000003-inside']);
    const { summary, warnings } = await goOnWarned(directory, { totalTurns: 150 });
    const warning = `The only checkpoint of ${directory} is one inside an epoch, which is played once more: the bits will be others than without the interruption.`;
    expect(warnings).toEqual(execution === 'async' ? [] : [warning]);
    expect(summary).toMatchObject({ epochs: 7, turns: 150 });
    expectAllTrained(summary);
    expect(await episodesOf(directory)).toEqual(upTo(7));
    expect(await checkpointsOf(directory)).toEqual(['00000007-inside']);
  });
});

it.each(exactExecutions)('%s: a run that ended inside an epoch comes to the bits it would have', async (execution) => {
  const stopped = (totalTurns: number) => {
    const experiment = { epochs: Infinity, totalTurns, checkpointEvery: 2 };
    return checkpointed(folder.next(), { execution, experiment });
  };
  const expected = await outcomeOf(await make(stopped(130)));
  const { directory = '' } = await make(stopped(70));
  expect(await outcomeOf(await goOn(directory, { totalTurns: 130 }))).toEqual(expected);
});

describe.each(executions)('%s: system.checkpoint()', (execution) => {
  const rare = (directory: string, epochs: number) => {
    return checkpointed(directory, { execution, experiment: { epochs, checkpointEvery: 1_000_000 } });
  };

  it('writes one at the end of the epoch under way, and resolves with its number', async () => {
    const directory = folder.next();
    await using system = new MarlSystem(rare(directory, 100_000));
    await system.start();
    const both = await Promise.all([system.checkpoint(), system.checkpoint()]);
    expect(both[1]).toBe(both[0]);
    expect(await checkpointsOf(directory)).toEqual([String(both[0]).padStart(8, '0')]);
    expect(await system.checkpoint()).toBeGreaterThan(both[0]);
  });

  it('is refused where nothing is under way', async () => {
    const refusal = { name: 'MarlinError', code: 'ERR_STATE' };
    const system = new MarlSystem(rare(folder.next(), 2));
    expect(await failureOf(system.checkpoint())).toMatchObject(refusal);
    await system.run();
    expect(await failureOf(system.checkpoint())).toMatchObject(refusal);
    const { output: _, ...noFiles } = rare('', 100_000);
    await using unwritten = new MarlSystem(noFiles);
    await unwritten.start();
    expect(await failureOf(unwritten.checkpoint())).toMatchObject(refusal);
  });

  it('rejects where the run ends inside the epoch', async () => {
    const configuration = rare(folder.next(), 100_000);
    const endless = { ...configuration, experiment: { ...configuration.experiment, maxTurns: 100_000_000 } };
    const system = new MarlSystem(endless);
    await system.start();
    const failure = failureOf(system.checkpoint());
    await system.stop();
    expect(await failure).toMatchObject({ name: 'MarlinError', code: 'ERR_CHECKPOINT' });
  });
});

describe('checkpoints on disk', () => {
  it('are the newest that keepCheckpoints asks for, those inside epochs not counted', async () => {
    const directory = folder.next();
    const experiment = { epochs: Infinity, totalTurns: 110 };
    await make(checkpointed(directory, { experiment, output: { keepCheckpoints: 3 } }));
    expect(await checkpointsOf(directory)).toEqual(['00000003', '00000004', '00000005', '00000005-inside']);
    await goOn(directory, { totalTurns: 150 });
    expect(await checkpointsOf(directory)).toEqual(['00000005', '00000006', '00000007', '00000007-inside']);
  });

  it.each(exactExecutions)('without rings let a run go on and train on: %s', async (execution) => {
    for (const [algorithm, hasRings] of [
      [greedyDqn, false],
      [{ ...greedyDqn, replay: { kind: 'prioritized' } }, false],
      [smallPpo, true],
    ] as const) {
      const directory = folder.next();
      const overrides = { execution, agents: { algorithm }, output: { checkpointRings: false } };
      const whole = await make(checkpointed(folder.next(), overrides));
      const before = await make(checkpointed(directory, { ...overrides, experiment: { epochs: 3 } }));
      const file = await readFile(join(directory, 'checkpoints', '00000003', 'agent-0.safetensors'), 'latin1');
      expect(file.includes('"marlin.rings"')).toBe(hasRings);
      const summary = await goOn(directory, { epochs: 6 });
      expect(summary).toMatchObject({ epochs: 6, turns: 120 });
      expect(summary.trainSteps).toBeGreaterThan(before.trainSteps);
      expectAllTrained(summary);
      // Half a rollout is of no use, so there it is the same run all the same.
      const same = (await outcomeOf(summary)).hashes.join() === (await outcomeOf(whole)).hashes.join();
      expect(same).toBe(hasRings);
    }
  });
});

describe('a run', () => {
  it.each(exactExecutions)('that was resumed is resumed again: %s', async (execution) => {
    const directory = folder.next();
    const expected = await outcomeOf(await make(checkpointed(folder.next(), { execution })));
    await make(checkpointed(directory, { execution, experiment: { epochs: 2 } }));
    for (const epochs of [3, 5]) await goOn(directory, { epochs });
    expect(await outcomeOf(await goOn(directory, { epochs: 6 }))).toEqual(expected);
    expect(await checkpointsOf(directory)).toHaveLength(6);
  });

  it('loses what was behind an older checkpoint that it goes on from', async () => {
    const directory = folder.next();
    await make(checkpointed(directory));
    await goOn(directory, { checkpoint: 2, epochs: 3 });
    expect(await checkpointsOf(directory)).toEqual(['00000001', '00000002', '00000003']);
    expect(await episodesOf(directory)).toEqual(upTo(3));
    const records = await recordsOf(directory);
    expect(records.filter(({ kind }) => kind === 'done')).toHaveLength(1);
    expect(records.at(-1)).toMatchObject({ kind: 'done', episodes_total: 3 });
  });

  it.each(executions)(
    'that reached its goal ends with a checkpoint, and goes on with another: %s',
    async (execution) => {
      const directory = folder.next();
      const experiment = { epochs: 400, maxTurns: 2, stopAtReward: 0.01, checkpointEvery: Infinity };
      const agents = { algorithm: { name: 'random' } };
      const { epochs } = await make(checkpointed(directory, { execution, agents, experiment }));
      expect(await checkpointsOf(directory)).toEqual([String(epochs).padStart(8, '0')]);
      const again = { name: 'ConfigurationError', field: 'experiment.stopAtReward', value: 0.01 };
      expect(await failureOf(resumeRun(directory))).toMatchObject(again);
      const summary = await goOn(directory, { stopAtReward: 1_000, epochs: epochs + 5 });
      expect(summary).toMatchObject({ epochs: epochs + 5, turns: 2 * (epochs + 5) });
      expect(await episodesOf(directory)).toEqual(upTo(epochs + 5));
    },
  );
});

it('a run that goes on knows how long it had taken', async () => {
  const directory = folder.next();
  const { seconds } = await make(checkpointed(directory));
  const resumed = await resumeRun(directory, { checkpoint: 2, epochs: 100 });
  expect(resumed.secondsBefore).toBeGreaterThan(0);
  expect(resumed.secondsBefore).toBeLessThanOrEqual(seconds);
  expect(new MarlSystem(checkpointed(folder.next())).secondsBefore).toBe(0);
});

it('a run whose settings were edited goes on, with a warning', async () => {
  const directory = folder.next();
  const { agents } = await make(checkpointed(directory));
  const path = join(directory, 'config.json');
  const saved = JSON.parse(await readFile(path, 'utf8'));
  saved.configuration.agents[1].algorithm.learningRate /= 2;
  await writeFile(path, JSON.stringify(saved));
  const { summary, warnings } = await goOnWarned(directory, { checkpoint: 5 });
  expect(warnings).toEqual([expect.stringContaining(`config.json in ${directory} is not as it was`)]);
  expect(summary.agents[1].weightsHash).not.toBe(agents[1].weightsHash);
});

describe('resumeRun() refuses', () => {
  it('a directory without a run', async () => {
    const directory = folder.next();
    const failure = await failureOf(resumeRun(directory));
    expect(failure).toMatchObject({ name: 'MarlinError', code: 'ERR_RUN_DIRECTORY' });
    expect((failure as Error).message).toContain(directory);
  });

  it('a run without a checkpoint, or without that one', async () => {
    const directory = folder.next();
    await make(checkpointed(directory, { experiment: { epochs: 2 } }));
    const other = await failureOf(resumeRun(directory, { checkpoint: 7 }));
    expect(other).toMatchObject({ name: 'MarlinError', code: 'ERR_CHECKPOINT' });
    expect((other as Error).message).toBe(
      `${directory} has no checkpoint of epoch 7: it has those of epoch 1, of epoch 2.`,
    );
    await rm(join(directory, 'checkpoints'), { recursive: true });
    const none = await failureOf(resumeRun(directory));
    expect(none).toMatchObject({ name: 'MarlinError', code: 'ERR_CHECKPOINT' });
    expect((none as Error).message).toBe(`${directory} has no checkpoint: it has none.`);
  });

  it.each([
    [{}, 'experiment.epochs'],
    [{ epochs: 2 }, 'experiment.epochs'],
    [{ epochs: 1 }, 'experiment.epochs'],
    [{ epochs: 9, totalTurns: 40 }, 'experiment.totalTurns'],
    [{ epochs: 0.5, checkpoint: 1 }, 'experiment.epochs'],
  ])('an end that the run has behind it: %o', async (options, field) => {
    const directory = folder.next();
    await make(checkpointed(directory, { experiment: { epochs: 2 } }));
    expect(await failureOf(resumeRun(directory, options))).toMatchObject({ name: 'ConfigurationError', field });
    expect(await checkpointsOf(directory)).toHaveLength(2);
    expect((await recordsOf(directory)).at(-1)?.kind).toBe('done');
  });

  it.each(exactExecutions)('a checkpoint of another network, and leaves everything as it is: %s', async (execution) => {
    const directory = folder.next();
    await make(checkpointed(directory, { execution, experiment: { epochs: 2 } }));
    const path = join(directory, 'config.json');
    const saved = JSON.parse(await readFile(path, 'utf8'));
    saved.configuration.agents[1].algorithm.hiddenSizes = [9];
    await writeFile(path, JSON.stringify(saved));
    const metrics = await readFile(join(directory, 'metrics.jsonl'), 'utf8');
    const failure = await failureOf(goOn(directory, { epochs: 4 }));
    expect(failure).toMatchObject({ name: 'MarlinError', code: 'ERR_CHECKPOINT' });
    expect((failure as Error).message).toContain('agent-1 would now have another network');
    expect(await readFile(join(directory, 'metrics.jsonl'), 'utf8')).toBe(metrics);
    expect(await checkpointsOf(directory)).toHaveLength(2);
  });
});
