import { Experiment, MarlSystem } from 'marlin-rl';
import type { MarlConfiguration, RunSummary } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { owedTrainSteps } from '#marlin/algorithms/training-rate.js';
import { runAndRecord, smallDqn, ThreadWatch, trial } from './trial-run.js';

const treasurehunt: MarlConfiguration = {
  environment: 'treasurehunt',
  environmentOptions: { height: 9, width: 9, spawnProbability: 0.02 },
  agents: { count: 2, algorithm: smallDqn },
  experiment: { epochs: 12, maxTurns: 50, seed: 7 },
  parallel: { execution: 'sequential', learningStarts: 100, batchSize: 16, bufferCapacity: 1_000 },
};

function hashes(summary: RunSummary): string[] {
  return summary.agents.map((agent) => agent.weightsHash);
}

async function run(configuration: MarlConfiguration): Promise<RunSummary> {
  return new MarlSystem(configuration).run();
}

/** Publications that so many training steps make: one for each whole interval, and one for the rest. */
function publications(trainSteps: number, publishInterval: number): number {
  return Math.ceil(trainSteps / publishInterval);
}

describe('a sequential run', () => {
  it('comes to the same bits and the same rewards from the same seed', async () => {
    const first = await runAndRecord(treasurehunt);
    const second = await runAndRecord(treasurehunt);
    expect(hashes(second.summary)).toEqual(hashes(first.summary));
    const rewards = first.records.flatMap((record) => (record.kind === 'episode' ? [record.rewards] : []));
    expect(rewards).toHaveLength(12);
    expect(second.records.flatMap((record) => (record.kind === 'episode' ? [record.rewards] : []))).toEqual(rewards);
  });

  it('comes to others from another seed, and for each agent to its own', async () => {
    const first = hashes(await run(treasurehunt));
    const second = hashes(await run({ ...treasurehunt, experiment: { ...treasurehunt.experiment, seed: 8 } }));
    expect(new Set([...first, ...second]).size).toBe(4);
  });

  it('is not disturbed by another in the same process at the same time', async () => {
    const alone = hashes(await run(treasurehunt));
    const together = await Promise.all([run(treasurehunt), run(treasurehunt)]);
    expect(together.map(hashes)).toEqual([alone, alone]);
  });

  it('starts no thread, and needs no settings of threads', async () => {
    using threads = new ThreadWatch();
    const { parallel: _, ...rest } = treasurehunt;
    const summary = await new Experiment({ ...rest, experiment: { epochs: 2, maxTurns: 50 } }).runExperiment();
    expect(summary).toMatchObject({ reason: 'finished', epochs: 2, turns: 100 });
    expect(threads.started).toBe(0);
  });

  it('leaves the event loop room', async () => {
    const busy = trial({ busyMs: 1 }, { parallel: { execution: 'sequential' }, experiment: { epochs: 20 } });
    const system = new MarlSystem(busy);
    await system.start();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const summary = await system.run();
    clearInterval(timer);
    // At least every 50 ms; half as often is forgiven.
    expect(summary.turns).toBe(400);
    expect(ticks).toBeGreaterThanOrEqual(4);
  });
});

describe('an async run', () => {
  it('runs beside others in one process', async () => {
    using threads = new ThreadWatch();
    const configuration = trial({}, { parallel: { execution: 'async' } });
    const summaries = await Promise.all([run(configuration), run(configuration), run(treasurehunt)]);
    for (const summary of summaries) {
      for (const agent of summary.agents) expect(agent.trainSteps).toBe(agent.owedTrainSteps);
    }
    expect(threads).toMatchObject({ started: 6, alive: 0 });
  });

  it('is what runExperimentMp() does, whatever the settings say', async () => {
    using threads = new ThreadWatch();
    await new Experiment(trial({}, { parallel: { execution: 'sequential' } })).runExperimentMp();
    expect(threads.started).toBe(3);
  });

  it('gives each policy a learner thread of its own, up to the number of them', async () => {
    using threads = new ThreadWatch();
    await run(trial({ agents: 5 }, { parallel: { learnerWorkers: 3 } }));
    expect(threads.started).toBe(4);
    await run(trial({ agents: 1 }, { parallel: { learnerWorkers: 3 } }));
    expect(threads.started).toBe(6);
  });
});

interface Setting {
  readonly trainInterval?: number;
  readonly gradientSteps?: number;
  readonly learningStarts?: number;
  readonly publishInterval?: number;
  readonly learnerWorkers?: number | 'auto';
  readonly mode?: 'double-buffer' | 'snapshot';
  readonly maxTrainingLag?: number;
  readonly agents?: number;
}

const settings: readonly Setting[] = [
  {},
  { mode: 'snapshot' },
  { trainInterval: 1, maxTrainingLag: 0 },
  { trainInterval: 1, maxTrainingLag: 0, mode: 'snapshot', learnerWorkers: 1 },
  { trainInterval: 7, gradientSteps: 3, publishInterval: 1, maxTrainingLag: Infinity },
  { gradientSteps: 0 },
  { gradientSteps: 50, maxTrainingLag: 32, publishInterval: 7 },
  { gradientSteps: 50, maxTrainingLag: 0, mode: 'snapshot', publishInterval: 1_000 },
  { learningStarts: 0, trainInterval: 1 },
  { learningStarts: 0, trainInterval: 30, gradientSteps: 5, maxTrainingLag: 0 },
  { learningStarts: 1_000_000 },
  { agents: 1, learnerWorkers: 2 },
  { agents: 5, learnerWorkers: 1, trainInterval: 2, maxTrainingLag: 0 },
  { agents: 5, learnerWorkers: 2, publishInterval: 3, mode: 'snapshot' },
  { agents: 5, learnerWorkers: 'auto', maxTrainingLag: Infinity },
];

describe.each(['sequential', 'async'] as const)('%s: what is owed is trained', (execution) => {
  it.each(settings)('%o', async ({ agents = 2, ...parallel }) => {
    const configuration = trial({ agents }, { parallel: { ...parallel, execution } });
    const { rate, publishInterval } = rateOf(configuration);
    const summary = await run(configuration);
    expect(summary).toMatchObject({ reason: 'finished', epochs: 10, turns: 200, agentSteps: 200 * agents });
    expect(summary.agents).toHaveLength(agents);
    const owed = owedTrainSteps(200, rate);
    expect(summary.trainSteps).toBe(owed * agents);
    for (const agent of summary.agents) {
      expect(agent).toMatchObject({ trainSteps: owed, owedTrainSteps: owed });
      expect(agent.trainingLagMax).toBeLessThanOrEqual(owed);
      // A publication that an actor held up is made up for later, so that there may be fewer.
      const most = publications(owed, publishInterval);
      expect(agent.weightsVersion).toBeLessThanOrEqual(most);
      const isHeldUp = execution === 'async' && parallel.mode !== 'snapshot';
      expect(agent.weightsVersion).toBeGreaterThanOrEqual(isHeldUp ? Math.min(1, owed) : most);
      expect(agent.weightsLagMax).toBeLessThanOrEqual(agent.weightsVersion);
      expect(agent.weightsLagMean).toBeLessThanOrEqual(agent.weightsLagMax);
    }
  });
});

function rateOf(configuration: MarlConfiguration): {
  readonly rate: Parameters<typeof owedTrainSteps>[1];
  readonly publishInterval: number;
} {
  const { parallel } = new MarlSystem(configuration).configuration;
  return { rate: parallel, publishInterval: parallel.publishInterval };
}

describe('the bound on how far training may be behind', () => {
  it('holds the actor to it', async () => {
    const parallel = { trainInterval: 1, gradientSteps: 2, maxTrainingLag: 4, learningStarts: 50 };
    const { agents } = await run(trial({}, { parallel }));
    // A turn makes two more owed before the actor looks.
    for (const agent of agents) expect(agent.trainingLagMax).toBeLessThanOrEqual(6);
  });

  it('leaves nothing owed where the first batch is complete between two training events', async () => {
    // Owed since turn 30, but a batch only at turn 34: nobody is rung for new debts then.
    const parallel = { learningStarts: 0, trainInterval: 30, maxTrainingLag: 0, batchSize: 32 };
    // Turns of 2 ms, so that the learners, rung at turn 30, are asleep again.
    const { agents } = await run(trial({ busyMs: 2 }, { parallel, experiment: { epochs: 3 } }));
    for (const agent of agents) expect(agent.trainSteps).toBe(2);
  });
});

describe.each(['sequential', 'async'] as const)('%s: environments', (execution) => {
  const parallel = { execution, trainInterval: 1, learningStarts: 0 } as const;

  it.each(['u8', 'f32'] as const)(
    'with %s observations and with action masks, which every action respects',
    async (dtype) => {
      // The environment throws at an action that it has forbidden.
      const summary = await run(trial({ dtype, masks: true }, { parallel }));
      expect(summary).toMatchObject({ epochs: 10, turns: 200, trainSteps: 400 });
    },
  );

  it('that end their epochs themselves', async () => {
    const { summary, records } = await runAndRecord(trial({ episodeTurns: 7 }, { parallel }));
    expect(summary).toMatchObject({ epochs: 10, turns: 70 });
    const lengths = records.flatMap((record) => (record.kind === 'episode' ? [record.episode_len] : []));
    expect(lengths).toEqual(Array.from({ length: 10 }, () => 7));
  });

  it('whose agents end one by one', async () => {
    const summary = await run(trial({ agentTurns: 3, agents: 3 }, { parallel }));
    expect(summary).toMatchObject({ epochs: 10, turns: 200, trainSteps: 600 });
  });

  it('of a single turn an epoch', async () => {
    const summary = await run(trial({ episodeTurns: 1 }, { parallel, experiment: { epochs: 200 } }));
    expect(summary).toMatchObject({ epochs: 200, turns: 200, trainSteps: 400 });
  });

  it('whose module says nothing but how to create one', async () => {
    const environment = { module: new URL('fixtures/least.js', import.meta.url), options: { size: 4 } };
    const summary = await run({ ...trial({}, { parallel, experiment: { maxTurns: 5 } }), environment });
    expect(summary).toMatchObject({ epochs: 10, turns: 50 });
  });

  it('whose definition is an object of a class', async () => {
    const environment = { module: new URL('fixtures/methods.js', import.meta.url) };
    expect(await run({ ...trial({}, { parallel }), environment })).toMatchObject({ epochs: 10, turns: 60 });
  });
});

it('learns what there is to learn, either way', async () => {
  const configuration = trial(
    { size: 4 },
    {
      agents: { algorithm: { ...smallDqn, learningRate: 1e-2, discount: 0, epsilon: { duration: 20 } } },
      experiment: { epochs: 60 },
      parallel: { trainInterval: 1 },
    },
  );
  const experiment = new Experiment(configuration);
  for (const summary of [await experiment.runExperiment(), await experiment.runExperimentMp()]) {
    const { epochs, rewardMean, agents } = summary;
    expect(epochs).toBe(60);
    expect(agents.map((agent) => agent.trainSteps)).toEqual([1_160, 1_160]);
    // A random policy gets 2 agents × 20 turns × (1/4 + 1/16) = 12.5.
    expect(rewardMean).toBeGreaterThan(18);
  }
});
