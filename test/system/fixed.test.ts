import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, evaluateRun, MarlSystem } from 'marlin-rl';
import type { MarlConfiguration, RunSummary } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '#marlin/export/safetensors.js';
import { failureOf, smallDqn, ThreadWatch, trial } from './trial-run.js';

/** One in which an observation says which action is right, the same for both agents. */
const world = { size: 4 };

let scratch: string;
/** A run whose agents have learnt something. */
let trained: string;
let summary: RunSummary;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-fixed-'));
  trained = join(scratch, 'trained');
  const epsilon = { start: 1, end: 0, duration: 60 };
  const agents = { algorithm: { ...smallDqn, epsilon, learningRate: 0.01 } };
  const long = { experiment: { epochs: 80 }, parallel: { execution: 'sequential', trainInterval: 1 } } as const;
  summary = await new MarlSystem({ ...trial(world, { agents, ...long }), output: { directory: trained } }).run();
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

function fixedAgents(...settings: readonly Readonly<Record<string, unknown>>[]): Pick<MarlConfiguration, 'agents'> {
  return { agents: settings.map((own) => ({ algorithm: { name: 'fixed', run: trained, ...own } })) };
}

/** A copy of the trained run in which a file of weights is another. */
async function withWeights(
  name: string,
  change: (bytes: Uint8Array) => Uint8Array,
  agent = 'agent-0',
): Promise<string> {
  const directory = join(scratch, name);
  await cp(trained, directory, { recursive: true });
  const file = join(directory, 'weights', `${agent}.safetensors`);
  await writeFile(file, change(await readFile(file)));
  return directory;
}

describe.each(['sequential', 'async'] as const)('fixed agents: %s', (execution) => {
  const parallel = { execution } as const;

  it('play the weights of an earlier run, and learn nothing', async () => {
    const directory = join(scratch, `played-${execution}`);
    const configuration = trial(world, { ...fixedAgents({}, { agent: 'agent-0' }), parallel });
    const played = await new MarlSystem({ ...configuration, output: { directory } }).run();
    const [hash] = summary.agents.map((agent) => agent.weightsHash);
    expect(played.agents.map((agent) => agent.weightsHash)).toEqual([hash, hash]);
    expect(played).toMatchObject({ trainSteps: 0, epochs: 10 });
    for (const agent of played.agents) {
      expect(agent).toMatchObject({ trainSteps: 0, owedTrainSteps: 0, weightsVersion: 0, trainingLagMax: 0 });
    }
    // No exploration: agent-0 plays as well as it was trained to, where random actions would earn a quarter.
    expect(played.rewardMean).toBeGreaterThan(1.5 * 20);
  });

  it('play beside agents that learn', async () => {
    const agents = [{ algorithm: smallDqn }, { algorithm: { name: 'fixed', run: trained } }];
    const { agents: both } = await new MarlSystem(trial(world, { agents, parallel })).run();
    expect(both.map((agent) => agent.trainSteps)).toEqual([40, 0]);
    expect(both[1].weightsHash).toBe(summary.agents[1].weightsHash);
    expect(both[0].weightsHash).not.toBe(summary.agents[0].weightsHash);
  });
});

it('a run of fixed agents stands by itself: it can be evaluated, and played from, without the run it came from', async () => {
  const source = await withWeights('source', (bytes) => bytes);
  const directory = join(scratch, 'second');
  const configuration = trial(world, { ...fixedAgents({ run: source }, { run: source }), experiment: { epochs: 1 } });
  await new MarlSystem({ ...configuration, output: { directory } }).run();
  const written = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as {
    configuration: MarlConfiguration;
  };
  expect(written.configuration.agents).toEqual([
    { id: 'agent-0', algorithm: { name: 'fixed', run: source, agent: 'agent-0' }, priority: 1 },
    { id: 'agent-1', algorithm: { name: 'fixed', run: source, agent: 'agent-1' }, priority: 1 },
  ]);
  const file = decodeSafetensors(await readFile(join(directory, 'weights', 'agent-1.safetensors')), 'it');
  expect(file.metadata).toMatchObject({
    algorithm: 'dqn',
    training_steps: String(summary.agents[1].trainSteps),
    weights_hash: summary.agents[1].weightsHash,
  });
  expect(file.metadata['epsilon']).toBeUndefined();
  await rm(source, { recursive: true });
  const [first, second] = [await evaluateRun(trained, { episodes: 5 }), await evaluateRun(directory, { episodes: 5 })];
  // The same worlds, the same weights.
  expect(second.rewards).toEqual(first.rewards);
  const third = await new MarlSystem(trial(world, { ...fixedAgents({ run: directory }, { run: directory }) })).run();
  expect(third.agents[1].weightsHash).toBe(summary.agents[1].weightsHash);
});

const { name: _name, ...smallSettings } = smallDqn;
it.each([
  ["a user's module", { module: new URL('fixtures/mine.js', import.meta.url), ...smallSettings }],
  ['ppo', { name: 'ppo', hiddenSizes: [8], rolloutTurns: 20, minibatchSize: 20, passes: 2 }],
])('whatever algorithm trained them: %s', async (name, algorithm) => {
  const directory = join(scratch, name.slice(0, 3));
  const configuration = { ...trial(world, { agents: { algorithm } }), output: { directory } };
  const system = new MarlSystem(configuration);
  const run = await system.run();
  expect(run.trainSteps).toBeGreaterThan(0);
  const agents = { algorithm: { name: 'fixed', run: directory } };
  const played = new MarlSystem(trial(world, { agents }));
  expect((await played.run()).agents.map((agent) => agent.weightsHash)).toEqual(
    run.agents.map((agent) => agent.weightsHash),
  );
  // At best they act as what they were trained as does.
  const options = { episodes: 4, threads: 1 };
  expect((await played.evaluate(options)).rewards).toEqual((await system.evaluate(options)).rewards);
});

/** A file of weights that says of itself that they have other settings. */
function resettled(settings: string): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const { tensors, metadata } = decodeSafetensors(bytes, 'it');
    return encodeSafetensors({ tensors, metadata: { ...metadata, settings, marlin: '0.0.9' } });
  };
}

async function refusal(configuration: MarlConfiguration): Promise<unknown> {
  using threads = new ThreadWatch();
  const error = await failureOf(new MarlSystem(configuration).run());
  expect(threads.started).toBe(0);
  return error;
}

describe('fixed agents are refused, before any thread starts', () => {
  it('without a run', () => {
    const agents = { algorithm: { name: 'fixed' } };
    expect(() => new MarlSystem(trial(world, { agents }))).toThrow(
      'agents.algorithm.run is undefined, but must be a string',
    );
  });

  it('with a directory that holds none', async () => {
    const agents = { algorithm: { name: 'fixed', run: join(scratch, 'nowhere') } };
    expect(await refusal(trial(world, { agents }))).toMatchObject({
      code: 'ERR_RUN_DIRECTORY',
      message: `${join(scratch, 'nowhere')} holds no run: there is no config.json in it.`,
    });
  });

  it('with an agent that the run does not know', async () => {
    const error = await refusal(trial(world, fixedAgents({}, { agent: 'agent-7' })));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({
      field: 'agents.1.algorithm.agent',
      value: 'agent-7',
      bound: 'one of agent-0, agent-1',
    });
  });

  it.each([
    [{ size: 5 }, 'observation.size is 5', 'is 4'],
    [{ ...world, actions: 5 }, 'action.count is 5', 'is 4'],
  ])('with weights for other spaces: %o', async (options, has, wants) => {
    const agents = { algorithm: { name: 'fixed', run: trained } };
    const error = await refusal(trial(options, { agents }));
    expect(error).toMatchObject({
      name: 'ConfigurationError',
      field: 'agents.algorithm.agent',
      value: 'agent-0',
      bound: expect.stringContaining(has),
    });
    expect((error as Error).message).toContain(`in ${trained} ${wants}`);
  });

  it('with weights of another kind of actions', async () => {
    const run = await withWeights('box', (bytes) => {
      const { tensors, metadata } = decodeSafetensors(bytes, 'it');
      const action = JSON.stringify({ kind: 'box', size: 1, low: -1, high: 1 });
      return encodeSafetensors({ tensors, metadata: { ...metadata, action } });
    });
    const error = await refusal(trial(world, { agents: { algorithm: { name: 'fixed', run } } }));
    expect(error).toMatchObject({ bound: 'an agent whose action.kind is discrete, as that of agent-0' });
  });

  it('with a damaged file', async () => {
    const run = await withWeights('damaged', (bytes) => {
      bytes[bytes.length - 1] ^= 1;
      return bytes;
    });
    const error = await refusal(trial(world, fixedAgents({ run }, {})));
    expect(error).toMatchObject({ code: 'ERR_TENSOR_FILE', message: expect.stringContaining('should have') });
  });

  it('with weights of another version of their algorithm', async () => {
    const wider = await withWeights('wider', resettled('{"name":"dqn","hiddenSizes":[9],"frameStack":2}'));
    expect(await refusal(trial(world, fixedAgents({ run: wider }, {})))).toMatchObject({
      code: 'ERR_TENSOR_FILE',
      message: `The weights of agent-0 in ${wider}, written by Marlin 0.0.9, do not fit this version of dqn: w1 is [8, 8] rather than [9, 8].`,
    });
    const other = await withWeights('other', resettled('{"name":"dqn","magic":true}'));
    expect(await refusal(trial(world, fixedAgents({ run: other }, {})))).toMatchObject({
      code: 'ERR_TENSOR_FILE',
      message: expect.stringContaining('magic is true, but must be absent'),
    });
  });

  it('with the file of another agent', async () => {
    const bytes = await readFile(join(trained, 'weights', 'agent-1.safetensors'));
    const run = await withWeights('exchanged', () => bytes);
    expect(await refusal(trial(world, fixedAgents({ run }, {})))).toMatchObject({
      message: expect.stringContaining('holds no weights of agent-0: they are those of agent-1'),
    });
  });
});
