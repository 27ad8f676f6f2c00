import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluateRun, MarlSystem } from 'marlin-rl';
import type { MarlConfiguration } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, runAndRecord, smallDqn, trial } from './trial-run.js';

const gaugeModule = new URL('./fixtures/gauge.js', import.meta.url);
const both = { observations: true, rewards: true };

const learners = [
  { name: 'dqn', hiddenSizes: [16], frameStack: 1, nStep: 1, discount: 0, learningRate: 5e-3 },
  { name: 'iqn', hiddenSizes: [16, 16], frameStack: 1, nStep: 1, discount: 0, learningRate: 5e-3 },
  { name: 'ppo', hiddenSizes: [16], rolloutTurns: 40, minibatchSize: 20, discount: 0, learningRate: 5e-3 },
] as const;

function gauge(algorithm: Readonly<Record<string, unknown>>, epochs = 100): MarlConfiguration {
  const epsilon = algorithm['name'] === 'ppo' ? {} : { epsilon: { start: 1, end: 0, duration: epochs / 2 } };
  return {
    environment: { module: gaugeModule },
    agents: { algorithm: { ...epsilon, ...algorithm } },
    experiment: { epochs, seed: 1 },
    parallel: { execution: 'sequential', learningStarts: 40, trainInterval: 1, batchSize: 32, bufferCapacity: 2_000 },
  };
}

/** Share of right actions over the last 20 epochs. */
async function shareOfRightActions(configuration: MarlConfiguration): Promise<number> {
  const { records } = await runAndRecord(configuration);
  const rewards = records.flatMap((record) => (record.kind === 'episode' ? [record.episode_reward] : []));
  return rewards.slice(-20).reduce((sum, reward) => sum + reward, 0) / (20 * 20 * 5000);
}

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-normalized-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

describe.each(learners)('$name', (algorithm) => {
  it('learns by normalised observations and rewards what it does not without', async () => {
    expect(await shareOfRightActions(gauge({ ...algorithm, normalize: both }))).toBeGreaterThan(0.85);
    expect(await shareOfRightActions(gauge(algorithm))).toBeLessThan(0.7);
  });

  it('comes to the same bits from the same seed, and on threads trains all that it owes', async () => {
    const short = gauge({ ...algorithm, normalize: both }, 20);
    const first = await new MarlSystem(short).run();
    const again = await new MarlSystem(short).run();
    expect(again.agents[0]?.weightsHash).toBe(first.agents[0]?.weightsHash);
    const threads = await new MarlSystem({ ...short, parallel: { ...short.parallel, execution: 'async' } }).run();
    expect(threads.agents[0]?.trainSteps).toBe(first.agents[0]?.owedTrainSteps);
  });
});

it('comes to the same bits on threads by rollouts: there the actor waits for its weights', async () => {
  const short = gauge({ ...learners[2], normalize: both }, 20);
  const [alone] = (await new MarlSystem(short).run()).agents;
  const [threads] = (await new MarlSystem({ ...short, parallel: { execution: 'async' } }).run()).agents;
  expect(threads?.weightsHash).toBe(alone?.weightsHash);
});

describe('normalisation', () => {
  it('travels with the weights: a run is evaluated, and played by fixed agents, as it was trained', async () => {
    const directory = join(scratch, 'trained');
    const [dqn] = learners;
    const trained = { ...gauge({ ...dqn, normalize: both }), output: { directory } };
    await new MarlSystem(trained).run();
    const { configuration } = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'));
    expect(configuration.agents[0].algorithm).toMatchObject({ name: 'dqn', normalize: both });
    const evaluation = await evaluateRun(directory, { episodes: 10 });
    expect(evaluation.agents[0]?.rewardMean).toBeGreaterThan(0.85 * 20 * 5000);

    const fixed = { name: 'fixed', run: directory };
    const again = join(scratch, 'again');
    const played = { ...gauge(fixed, 10), agents: { algorithm: fixed }, output: { directory: again } };
    const { records } = await runAndRecord(played);
    const rewards = records.flatMap((record) => (record.kind === 'episode' ? [record.episode_reward] : []));
    expect(Math.min(...rewards)).toBeGreaterThan(0.7 * 20 * 5000);
    // The files of a run with fixed agents need no other run.
    const copied = await evaluateRun(again, { episodes: 10 });
    expect(copied.agents[0]?.rewards).toEqual(evaluation.agents[0]?.rewards);
  });

  it('is recorded: by what rewards are divided', async () => {
    const atRandom = { epsilon: { start: 1, end: 1 } };
    const { records } = await runAndRecord(gauge({ ...learners[0], ...atRandom, normalize: both }, 30));
    const last = records.findLast((record) => record.kind === 'iteration');
    // 5000 or 0, half of the time each: with discount 0 a return is a reward.
    expect(last?.policies['agent-0']?.['return_deviation']).toBeGreaterThan(2_000);
    expect(last?.policies['agent-0']?.['return_deviation']).toBeLessThan(3_000);
  });

  it('works with an algorithm of the user, and with one agent of several', async () => {
    const module = new URL('./fixtures/mine.js', import.meta.url);
    const { name: _name, ...settings } = smallDqn;
    const agents = [{ algorithm: { module, ...settings, normalize: { observations: true } } }, { algorithm: smallDqn }];
    const summary = await new MarlSystem(trial({}, { agents, parallel: { execution: 'async' } })).run();
    expect(summary.agents.map(({ trainSteps, owedTrainSteps }) => trainSteps - owedTrainSteps)).toEqual([0, 0]);
  });

  it.each([
    [{ observations: 1 }, 'agents.algorithm.normalize.observations', 1],
    [{ reward: true }, 'agents.algorithm.normalize.reward', true],
    [true, 'agents.algorithm.normalize', true],
  ])('refuses %o', (normalize, field, value) => {
    expect(() => new MarlSystem(gauge({ ...learners[0], normalize }))).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIGURATION', field, value }),
    );
  });

  it('is refused where nothing is trained', async () => {
    const normalize = { observations: true };
    const failure = await failureOf(
      (async () => new MarlSystem(gauge({ name: 'fixed', run: scratch, normalize })).run())(),
    );
    expect(failure).toMatchObject({ code: 'ERR_CONFIGURATION', field: 'agents.algorithm.normalize' });
  });
});
