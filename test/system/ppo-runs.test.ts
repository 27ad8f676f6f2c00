import { MarlSystem } from 'marlin-rl';
import type { MarlConfiguration, RunSummary } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { failureOf, runAndRecord, smallDqn, trial } from './trial-run.js';

/** 3 minibatches in each of 2 passes. */
const smallPpo = { name: 'ppo', hiddenSizes: [8], rolloutTurns: 24, minibatchSize: 10, passes: 2 } as const;
const stepsPerRollout = 6;
const spacesModule = new URL('./fixtures/spaces.js', import.meta.url);

type Execution = 'sequential' | 'async';
type Parallel = NonNullable<MarlConfiguration['parallel']>;

/** A run of the trial environment under PPO: 10 epochs of 20 turns, or what `options` make of them. */
function ppoTrial(options: Readonly<Record<string, unknown>>, parallel: Parallel, algorithm = {}): MarlConfiguration {
  return trial(options, { agents: { algorithm: { ...smallPpo, ...algorithm } }, parallel });
}

async function run(configuration: MarlConfiguration): Promise<RunSummary> {
  return new MarlSystem(configuration).run();
}

function hashes(summary: RunSummary): string[] {
  return summary.agents.map((agent) => agent.weightsHash);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe.each<Execution>(['sequential', 'async'])('%s: rollouts', (execution) => {
  it.each<Parallel>([
    {},
    { mode: 'snapshot' },
    { learnerWorkers: 1 },
    // Rates of replay, which mean nothing to rollouts.
    { learningStarts: 1_000, trainInterval: 1, gradientSteps: 7, publishInterval: 3, maxTrainingLag: Infinity },
  ])('are each learnt by what they owe, collected by the newest weights: %o', async (parallel) => {
    const summary = await run(ppoTrial({ agents: 3 }, { execution, ...parallel }));
    expect(summary).toMatchObject({ reason: 'finished', epochs: 10, turns: 200 });
    const rollouts = Math.floor(200 / smallPpo.rolloutTurns);
    for (const agent of summary.agents) {
      expect(agent).toMatchObject({
        trainSteps: rollouts * stepsPerRollout,
        owedTrainSteps: rollouts * stepsPerRollout,
        // One publication a rollout, and no action by older weights.
        weightsVersion: rollouts,
        weightsLagMax: 0,
        trainingLagMax: stepsPerRollout,
      });
    }
  });

  it.each([
    { rolloutTurns: 1, minibatchSize: 1 },
    { rolloutTurns: 200, minibatchSize: 64 },
    { rolloutTurns: 20, minibatchSize: 1_000 },
  ])('of any size: %o', async (algorithm) => {
    const { rolloutTurns, minibatchSize } = algorithm;
    const summary = await run(ppoTrial({}, { execution }, algorithm));
    const owed = Math.floor(200 / rolloutTurns) * 2 * Math.ceil(rolloutTurns / minibatchSize);
    for (const agent of summary.agents) expect(agent).toMatchObject({ trainSteps: owed, owedTrainSteps: owed });
  });

  it('across episodes that end one by one, with stacked frames and masks', async () => {
    const algorithm = { frameStack: 3, rolloutTurns: 16 };
    for (const dtype of ['u8', 'f32']) {
      const summary = await run(ppoTrial({ agentTurns: 3, agents: 3, masks: true, dtype }, { execution }, algorithm));
      expect(summary).toMatchObject({ epochs: 10, turns: 200, trainSteps: 3 * 12 * 4 });
    }
  });

  it.each([
    { kind: 'discrete', masks: true },
    { kind: 'multi-discrete', masks: false },
    { kind: 'multi-discrete', masks: true },
    { kind: 'box', masks: false },
  ])('of $kind actions, with masks: $masks', async (options) => {
    // The environment throws at an action that it did not offer.
    const environment = { module: spacesModule, options };
    const summary = await run({ ...ppoTrial({}, { execution }), environment });
    expect(summary).toMatchObject({ epochs: 10, turns: 200, trainSteps: 2 * 8 * stepsPerRollout });
  });

  it('beside replay: one agent by PPO, one by DQN', async () => {
    const agents = [{ algorithm: smallPpo }, { algorithm: smallDqn }];
    const { summary, records } = await runAndRecord(trial({}, { agents, parallel: { execution } }));
    const [ppo, dqn] = summary.agents;
    expect(ppo).toMatchObject({ trainSteps: 48, owedTrainSteps: 48, weightsVersion: 8, weightsLagMax: 0 });
    expect(dqn).toMatchObject({ trainSteps: 40, owedTrainSteps: 40 });
    const iteration = records.findLast((record) => record.kind === 'iteration');
    expect(Object.keys(iteration?.policies['agent-0'] ?? {})).toEqual(
      expect.arrayContaining(['policy_loss', 'entropy', 'approximate_kl', 'clip_fraction', 'explained_variance']),
    );
    expect(Object.keys(iteration?.policies['agent-1'] ?? {})).toContain('td_error_mean');
  });

  it('refuse a ring that is too small for one', async () => {
    const failure = await failureOf(run(ppoTrial({}, { execution, bufferCapacity: 53 })));
    expect(failure).toMatchObject({ field: 'parallel.bufferCapacity', value: 53, bound: 'at least 54' });
  });

  it('leave a box to algorithms that can play one', async () => {
    const environment = { module: spacesModule, options: { kind: 'box' } };
    const failure = await failureOf(run({ ...trial({}, { parallel: { execution } }), environment }));
    expect(failure).toMatchObject({
      code: 'ERR_CONFIGURATION',
      field: 'agents.algorithm.name',
      value: 'dqn',
      bound: 'one for other actions than one choice of several, for example "ppo"',
    });
  });
});

function seededTrial(execution: Execution, seed: number, parallel: Parallel = {}): MarlConfiguration {
  return { ...ppoTrial({ agentTurns: 6 }, { execution, ...parallel }), experiment: { epochs: 10, seed } };
}

describe('a run of rollouts', () => {
  it('comes to the same bits from the same seed, and to others from another', async () => {
    const [first, again, other] = [
      hashes(await run(seededTrial('sequential', 1))),
      hashes(await run(seededTrial('sequential', 1))),
      hashes(await run(seededTrial('sequential', 2))),
    ];
    expect(again).toEqual(first);
    expect(new Set([...first, ...other]).size).toBe(4);
  });

  it('comes to the same bits on threads: the actor waits for each rollout', async () => {
    for (const seed of [1, 2]) {
      const alone = hashes(await run(seededTrial('sequential', seed)));
      expect(hashes(await run(seededTrial('async', seed)))).toEqual(alone);
      expect(hashes(await run(seededTrial('async', seed, { mode: 'snapshot', learnerWorkers: 1 })))).toEqual(alone);
    }
  });

  it.each(['multi-discrete', 'box'])('comes to the same bits on threads with %s actions', async (kind) => {
    const environment = { module: spacesModule, options: { kind } };
    const alone = hashes(await run({ ...seededTrial('sequential', 3), environment }));
    expect(hashes(await run({ ...seededTrial('async', 3), environment }))).toEqual(alone);
  });
});

it.each([
  // At random: 2 agents × 20 turns × 1/3, × (1/3 + 1/2), and for the box less than 0.
  { kind: 'discrete', random: 13.4, learnt: 30 },
  { kind: 'multi-discrete', random: 33.4, learnt: 60 },
  { kind: 'box', random: 5, learnt: 25 },
])('learns what there is to learn of $kind actions', async ({ kind, random, learnt }) => {
  const algorithm = { ...smallPpo, rolloutTurns: 64, minibatchSize: 32, passes: 10, learningRate: 1e-2, discount: 0 };
  const { summary, records } = await runAndRecord({
    environment: { module: spacesModule, options: { kind } },
    agents: { algorithm },
    experiment: { epochs: 250, seed: 1 },
    parallel: { execution: 'sequential' },
  });
  const rewards = records.flatMap((record) => (record.kind === 'episode' ? [record.episode_reward] : []));
  expect(summary.epochs).toBe(250);
  expect(meanOf(rewards.slice(0, 3))).toBeLessThan(random * 1.5);
  expect(meanOf(rewards.slice(-50))).toBeGreaterThan(learnt);
});
