import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MarlConfiguration } from 'marlin-rl';
import { ConfigurationError, MarlSystem } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { inFolder, runCommand } from '../cli/run-command.js';
import { failureOf, runAndRecord, ThreadWatch, trial } from './trial-run.js';

const convolution = new URL('../tensorflow/fixtures/small-convolution.js', import.meta.url);
const dense = new URL('../tensorflow/fixtures/dense.js', import.meta.url).href;
const spot = new URL('fixtures/spot.js', import.meta.url);

/** A contextual bandit that is learnt within some hundred training steps. */
function spotRun(
  execution: 'sequential' | 'async',
  overrides: Partial<Pick<MarlConfiguration, 'output' | 'experiment'>> = {},
): MarlConfiguration {
  return {
    environment: { module: spot },
    agents: {
      algorithm: {
        name: 'dqn',
        network: { module: convolution },
        frameStack: 1,
        nStep: 1,
        discount: 0,
        learningRate: 1e-2,
        epsilon: { start: 1, end: 0, duration: 30 },
      },
    },
    experiment: { epochs: 40, maxTurns: 20, seed: 3, logInterval: 10 },
    parallel: { execution, learningStarts: 60, trainInterval: 2, batchSize: 32, bufferCapacity: 400 },
    ...overrides,
  };
}

const engine = 'TensorFlow.js 4.22.0, wasm';

describe.each(['sequential', 'async'] as const)('a convolution in a run: %s', (execution) => {
  it('learns, with as many training steps as are owed', async () => {
    using threads = new ThreadWatch();
    const { summary, records } = await runAndRecord(spotRun(execution));
    const rewards = records.flatMap((record) => (record.kind === 'episode' ? [record.episode_reward] : []));
    const last = rewards.slice(-8);
    expect(last.reduce((sum, reward) => sum + reward, 0) / last.length).toBeGreaterThan(19);
    expect(summary.agents[0]).toMatchObject({ trainSteps: 370, owedTrainSteps: 370, networkEngine: engine });
    expect(records.at(-1)).toMatchObject({ kind: 'done', network_engines: { 'agent-0': engine } });
    expect(threads.started).toBe(execution === 'async' ? 2 : 0);
    expect(threads.alive).toBe(0);
  });
});

it('a convolution that sees its observations and rewards normalised learns as well', async () => {
  const { agents, ...rest } = spotRun('async');
  const { algorithm } = agents as { readonly algorithm: object };
  const normalize = { observations: true, rewards: true };
  const { summary, records } = await runAndRecord({ ...rest, agents: { algorithm: { ...algorithm, normalize } } });
  const rewards = records.flatMap((record) => (record.kind === 'episode' ? [record.episode_reward] : []));
  const last = rewards.slice(-8);
  expect(last.reduce((sum, reward) => sum + reward, 0) / last.length).toBeGreaterThan(18);
  expect(summary.agents[0]).toMatchObject({ trainSteps: 370, owedTrainSteps: 370, networkEngine: engine });
});

describe.each(['sequential', 'async'] as const)('policy and value of PPO in a run: %s', (execution) => {
  const ppoRun = (overrides = {}): MarlConfiguration => ({
    ...spotRun(execution, overrides),
    agents: {
      algorithm: {
        name: 'ppo',
        network: { module: convolution },
        rolloutTurns: 60,
        minibatchSize: 30,
        passes: 6,
        discount: 0,
        learningRate: 1e-2,
      },
    },
    parallel: { execution },
  });

  it('learn, with as many training steps as are owed, each rollout by the newest weights', async () => {
    using threads = new ThreadWatch();
    const { summary, records } = await runAndRecord(ppoRun());
    const rewards = records.flatMap((record) => (record.kind === 'episode' ? [record.episode_reward] : []));
    const last = rewards.slice(-8);
    expect(last.reduce((sum, reward) => sum + reward, 0) / last.length).toBeGreaterThan(17);
    // 13 rollouts of 800 turns, 2 minibatches in each of 6 passes.
    expect(summary.agents[0]).toMatchObject({
      trainSteps: 156,
      owedTrainSteps: 156,
      weightsVersion: 13,
      weightsLagMax: 0,
      networkEngine: engine,
    });
    expect(threads.alive).toBe(0);
  });

  it('come to the same bits from the same seed, on threads as well', async () => {
    const experiment = { epochs: 6, maxTurns: 20, seed: 3 };
    const [first, second] = [
      await new MarlSystem(ppoRun({ experiment })).run(),
      await new MarlSystem(ppoRun({ experiment })).run(),
    ];
    expect(second.agents[0]?.weightsHash).toBe(first.agents[0]?.weightsHash);
  });
});

it('comes to the same bits from the same seed in sequential, and to others from another', async () => {
  const hashes: (string | undefined)[] = [];
  for (const seed of [3, 3, 4]) {
    const experiment = { epochs: 6, maxTurns: 20, seed };
    const summary = await new MarlSystem(spotRun('sequential', { experiment })).run();
    hashes.push(summary.agents[0]?.weightsHash);
  }
  expect(hashes[1]).toBe(hashes[0]);
  expect(hashes[2]).not.toBe(hashes[0]);
});

it('is learnt by several agents, each with a network of its own, beside others', async () => {
  const custom = { algorithm: { name: 'dqn', network: { module: dense }, frameStack: 1 } };
  const agents = [custom, { algorithm: { name: 'dqn' } }, custom];
  const { summary } = await runAndRecord(trial({ size: 4, agents: 3 }, { agents }));
  const engines = summary.agents.map(({ networkEngine }) => networkEngine);
  expect(engines).toEqual([engine, 'kernels', engine]);
  expect(new Set(summary.agents.map(({ weightsHash }) => weightsHash)).size).toBe(3);
  expect(summary.agents.map(({ trainSteps, owedTrainSteps }) => trainSteps - owedTrainSteps)).toEqual([0, 0, 0]);
});

it('is learnt from prioritized replay too', async () => {
  const { agents, ...rest } = spotRun('sequential');
  const { algorithm } = agents as { readonly algorithm: object };
  const replay = { kind: 'prioritized' };
  const { summary } = await runAndRecord({ ...rest, agents: { algorithm: { ...algorithm, replay } } });
  expect(summary.agents[0]).toMatchObject({ trainSteps: 370, owedTrainSteps: 370 });
  expect(summary.rewardMeanLast100).toBeGreaterThan(12);
});

it('is named in config.json, from which the run can be had again', async () => {
  await inFolder(async (folder) => {
    const experiment = { epochs: 5, maxTurns: 20, seed: 3 };
    const directory = join(folder, 'first');
    const summary = await new MarlSystem(spotRun('sequential', { experiment, output: { directory } })).run();
    const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as {
      readonly networkEngines: unknown;
      readonly configuration: MarlConfiguration;
    };
    expect(config.networkEngines).toEqual({ 'agent-0': engine });
    expect(config.configuration.agents).toMatchObject([
      { algorithm: { name: 'dqn', network: { module: convolution.href, options: {} } } },
    ]);
    const again = await runCommand(
      ['train', '--config', join(directory, 'config.json'), '--json', '--run-dir', 'again'],
      {
        cwd: folder,
      },
    );
    expect(JSON.parse(again.stdout)).toMatchObject({ agents: [{ weightsHash: summary.agents[0]?.weightsHash }] });
  });
});

describe.each(['sequential', 'async'] as const)('what goes wrong: %s', (execution) => {
  const withNetwork = (network: unknown, options = {}) =>
    trial(options, {
      agents: { algorithm: { name: 'dqn', frameStack: 1, network } },
      parallel: { execution, learningStarts: 20, batchSize: 8 },
    });

  it('a module that is missing is refused before any thread starts', async () => {
    using threads = new ThreadWatch();
    const error = await failureOf(new MarlSystem(withNetwork({ module: 'nowhere.js' })).run());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ field: 'agents.algorithm.network.module', value: 'nowhere.js' });
    expect(threads.started).toBe(0);
  });

  it('a network of the wrong shape is refused before any thread starts', async () => {
    using threads = new ThreadWatch();
    const module = `data:text/javascript,export function build(tf, { inputSize }) {
      const w = tf.variable(tf.ones([inputSize, 7]));
      return { variables: { w }, forward: (x) => tf.matMul(x, w) };
    }`;
    expect(await failureOf(new MarlSystem(withNetwork({ module })).run())).toMatchObject({
      code: 'ERR_NETWORK',
      message: expect.stringContaining('The network gives [1, 7] for 1 observations, expected q [1, 4].'),
    });
    expect(threads.started).toBe(0);
  });

  it.each([
    ['distribution', { kind: 'categorical', atoms: 51, minimum: -10, maximum: 10 }],
    ['noise', { kind: 'factorised', sigma: 0.5 }],
  ] as const)('%s, which only the built-in network has, is refused before any thread starts', async (name, setting) => {
    using threads = new ThreadWatch();
    const own = { name: 'dqn', network: { module: dense }, [name]: { kind: setting.kind } };
    const error = await failureOf(new MarlSystem(trial({}, { agents: { algorithm: own } })).run());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({
      field: `agents.algorithm.${name}`,
      value: setting,
      bound: '{ kind: "none" } where there is a network of your own',
    });
    expect(threads.started).toBe(0);
  });

  it('a loss that is not finite ends the run, naming agent and step', async () => {
    const error = await failureOf(new MarlSystem(withNetwork({ module: dense }, { fail: 'huge' })).run());
    expect(error).toMatchObject({
      code: 'ERR_NOT_FINITE',
      message: expect.stringMatching(/of agent-\d became (Infinity|NaN) at training step \d+/),
    });
  });

  it('a network that fails later ends the run with its own error', async () => {
    const module = `data:text/javascript,export function build(tf, { inputSize, outputs }) {
      const w = tf.variable(tf.ones([inputSize, outputs[0].size]));
      let passes = 0;
      return { variables: { w }, forward(x) {
        if (++passes > 30) throw new RangeError('worn out');
        return tf.matMul(x, w);
      } };
    }`;
    const error = await failureOf(new MarlSystem(withNetwork({ module })).run());
    expect(error).toMatchObject({ message: 'worn out' });
  });
});

it.each([
  [{}, 'agents.algorithm.network.module'],
  [{ module: '' }, 'agents.algorithm.network.module'],
  [{ module: 'a.js', option: {} }, 'agents.algorithm.network.option'],
  [{ module: 'a.js', options: 5 }, 'agents.algorithm.network.options'],
  ['a.js', 'agents.algorithm.network'],
])('the setting %j is refused', (network, field) => {
  const configuration = { environment: 'treasurehunt', agents: { algorithm: { name: 'dqn', network } } };
  expect(() => new MarlSystem(configuration)).toThrow(expect.objectContaining({ field }));
});

it('options that cannot travel to another thread are refused', async () => {
  const network = { module: dense, options: { activation: () => {} } };
  const configuration = trial({}, { agents: { algorithm: { name: 'dqn', network } } });
  expect(await failureOf(new MarlSystem(configuration).run())).toMatchObject({
    code: 'ERR_CONFIGURATION',
    field: 'agents.algorithm.network.options.activation',
  });
});
