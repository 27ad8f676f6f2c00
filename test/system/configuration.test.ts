import * as fc from 'fast-check';
import { ConfigurationError, Experiment, MarlSystem } from 'marlin-rl';
import type { AgentSpec, MarlConfiguration } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { resolveConfiguration } from '#marlin/system/configuration.js';
import { planRun } from '#marlin/system/run-plan.js';
import { failureOf, ThreadWatch, trial } from './trial-run.js';

const game = { environment: 'treasurehunt' };

/** What a configuration, which need not have the right type, is refused with. */
function refusal(configuration: unknown): unknown {
  try {
    void new MarlSystem(configuration as MarlConfiguration);
  } catch (error) {
    return error;
  }
  return undefined;
}

interface Refusal {
  readonly given: object;
  readonly field: string;
  readonly value: unknown;
  readonly bound: string;
}

function experiment(name: string, value: unknown, bound: string): Refusal {
  return { given: { experiment: { [name]: value } }, field: `experiment.${name}`, value, bound };
}

function parallel(name: string, value: unknown, bound: string): Refusal {
  return { given: { parallel: { [name]: value } }, field: `parallel.${name}`, value, bound };
}

function algorithm(settings: object, field: string, value: unknown, bound: string): Refusal {
  return { given: { agents: { algorithm: settings } }, field: `agents.algorithm.${field}`, value, bound };
}

const unknownKey = 'absent: there is no such setting';
const orInfinity = 'Infinity or "Infinity"';

const refusals: readonly Refusal[] = [
  {
    given: { environment: 'chess' },
    field: 'environment',
    value: 'chess',
    bound: 'one of treasurehunt, cartpole, acrobot, matrix-game',
  },
  { given: { environment: '' }, field: 'environment', value: '', bound: 'at least 1 character' },
  { given: { environment: undefined }, field: 'environment', value: undefined, bound: 'a string or an object' },
  { given: { environment: 5 }, field: 'environment', value: 5, bound: 'a string or an object' },
  { given: { environment: { module: 5 } }, field: 'environment.module', value: 5, bound: 'a string or a URL' },
  { given: { environment: {} }, field: 'environment.module', value: undefined, bound: 'a string or a URL' },
  { given: { environment: { module: 'x', url: 1 } }, field: 'environment.url', value: 1, bound: unknownKey },
  { given: { environmentOptions: 5 }, field: 'environmentOptions', value: 5, bound: 'an object' },
  {
    given: { environmentOptions: { height: 2 } },
    field: 'environmentOptions.height',
    value: 2,
    bound: 'at least 3',
  },
  {
    given: { environmentOptions: { agents: 3 }, agents: { count: 2 } },
    field: 'environmentOptions.agents',
    value: 3,
    bound: '2, as the run has it',
  },
  { given: { agents: { count: 0 } }, field: 'agents.count', value: 0, bound: 'at least 1' },
  { given: { agents: { count: 1.5 } }, field: 'agents.count', value: 1.5, bound: 'a whole number' },
  { given: { agents: { cuont: 2 } }, field: 'agents.cuont', value: 2, bound: unknownKey },
  { given: { agents: [] }, field: 'agents', value: [], bound: 'at least 1 entry' },
  { given: { agents: 2 }, field: 'agents', value: 2, bound: 'a list or an object' },
  { given: { agents: { priority: 0 } }, field: 'agents.priority', value: 0, bound: 'greater than 0' },
  { given: { agents: [{}, { priority: -1 }] }, field: 'agents.1.priority', value: -1, bound: 'greater than 0' },
  { given: { agents: [{}, { count: 2 }] }, field: 'agents.1.count', value: 2, bound: unknownKey },
  { given: { agents: [{ id: '' }] }, field: 'agents.0.id', value: '', bound: 'at least 1 character' },
  {
    given: { agents: [{ id: 'a' }, { id: 'b' }, { id: 'a' }] },
    field: 'agents.2.id',
    value: 'a',
    bound: 'another than that of agents.0',
  },
  algorithm({ name: 'sarsa' }, 'name', 'sarsa', 'one of dqn, iqn, ppo, fixed, random'),
  algorithm({ name: 5 }, 'name', 5, 'a string'),
  algorithm({ hiddenSizes: [] }, 'hiddenSizes', [], 'at least 1 entry'),
  algorithm({ hiddenSizes: [64, 0] }, 'hiddenSizes.1', 0, 'at least 1'),
  algorithm({ hiddenSizes: 64 }, 'hiddenSizes', 64, 'a list'),
  algorithm({ dueling: 'yes' }, 'dueling', 'yes', 'true or false'),
  algorithm({ frameStack: 0 }, 'frameStack', 0, 'at least 1'),
  algorithm({ discount: 1.01 }, 'discount', 1.01, 'at most 1'),
  algorithm({ discount: Number.NaN }, 'discount', Number.NaN, 'a finite number'),
  algorithm({ nStep: 0 }, 'nStep', 0, 'at least 1'),
  algorithm({ learningRate: -1 }, 'learningRate', -1, 'greater than 0'),
  algorithm({ learningRate: Infinity }, 'learningRate', Infinity, 'a finite number or an object'),
  algorithm({ adam: { beta1: 1 } }, 'adam.beta1', 1, 'less than 1'),
  algorithm({ adam: { gamma: 1 } }, 'adam.gamma', 1, unknownKey),
  algorithm({ epsilon: { start: 2 } }, 'epsilon.start', 2, 'at most 1'),
  algorithm({ epsilon: { unit: 'years' } }, 'epsilon.unit', 'years', 'one of "epochs", "turns"'),
  algorithm({ epsilon: { kind: 'slow' } }, 'epsilon.kind', 'slow', 'one of "linear", "decay"'),
  algorithm({ epsilon: { kind: 'decay', duration: 3 } }, 'epsilon.duration', 3, unknownKey),
  algorithm(
    { name: 'iqn', noise: { kind: 'loud' } },
    'noise.kind',
    'loud',
    'one of "factorised", "independent", "none"',
  ),
  algorithm({ name: 'iqn', hiddenSizes: [64] }, 'hiddenSizes', [64], 'at least 2 entries'),
  algorithm({ preset: 'source' }, 'preset', 'source', 'absent: dqn has no presets'),
  algorithm({ name: 'iqn', preset: 'sauce' }, 'preset', 'sauce', 'one of "source"'),
  algorithm({ name: 'iqn', preset: 'source', nStep: 0 }, 'nStep', 0, 'at least 1'),
  algorithm({ targetUpdate: { kind: 'slow' } }, 'targetUpdate.kind', 'slow', 'one of "hard", "soft"'),
  algorithm({ targetUpdate: { kind: 'soft', tau: 2 } }, 'targetUpdate.tau', 2, 'at most 1'),
  algorithm({ targetUpdate: { kind: 'hard', tau: 1 } }, 'targetUpdate.tau', 1, unknownKey),
  algorithm({ replay: { kind: 'ranked' } }, 'replay.kind', 'ranked', 'one of "uniform", "prioritized"'),
  algorithm({ replay: { kind: 'prioritized', floor: 0 } }, 'replay.floor', 0, 'greater than 0'),
  algorithm({ replay: { kind: 'prioritized', exponent: 2 } }, 'replay.exponent', 2, 'at most 1'),
  algorithm({ replay: { kind: 'uniform', exponent: 1 } }, 'replay.exponent', 1, unknownKey),
  algorithm(
    { name: 'iqn', replay: { kind: 'prioritized', correction: { start: 2 } } },
    'replay.correction.start',
    2,
    'at most 1',
  ),
  algorithm({ noise: { kind: 'factorised', sigma: -1 } }, 'noise.sigma', -1, 'at least 0'),
  algorithm({ noise: { kind: 'none', sigma: 1 } }, 'noise.sigma', 1, unknownKey),
  algorithm({ distribution: { kind: 'categorical', atoms: 1 } }, 'distribution.atoms', 1, 'at least 2'),
  algorithm(
    { distribution: { kind: 'categorical', minimum: 5, maximum: 5 } },
    'distribution.maximum',
    5,
    'greater than minimum',
  ),
  algorithm({ name: 'random', hiddenSizes: [4] }, 'hiddenSizes', [4], unknownKey),
  algorithm(
    { learningrate: 1 },
    'learningrate',
    1,
    `${unknownKey}, only network, hiddenSizes, dueling, doubleQ, frameStack, discount, nStep, learningRate, adam, maxGradNorm, targetUpdate, replay, epsilon, huberDelta, distribution, noise`,
  ),
  {
    given: { agents: [{}, { algorithm: { nStep: -1 } }] },
    field: 'agents.1.algorithm.nStep',
    value: -1,
    bound: 'at least 1',
  },
  experiment('epochs', 0, 'at least 1'),
  experiment('epochs', -3, 'at least 1'),
  experiment('epochs', 1.5, `a whole number, ${orInfinity}`),
  experiment('epochs', Number.NaN, `a finite number, ${orInfinity}`),
  experiment('epochs', -Infinity, `a finite number, ${orInfinity}`),
  experiment('epochs', 'many', `a finite number, ${orInfinity}`),
  experiment('maxTurns', 0, 'at least 1'),
  experiment('maxTurns', Infinity, 'a finite number'),
  experiment('seed', -1, 'at least 0'),
  experiment('seed', 0.5, 'a whole number'),
  experiment('seed', '7', 'a finite number'),
  experiment('totalTurns', 0, 'at least 1'),
  experiment('maxSeconds', 0, 'greater than 0'),
  experiment('maxSeconds', -1, 'greater than 0'),
  experiment('stopAtReward', Number.NaN, 'a finite number'),
  experiment('stopAtReward', Infinity, 'a finite number'),
  experiment('logInterval', 0, 'at least 1'),
  experiment('evaluateEvery', 0, 'at least 1'),
  experiment('evaluateEpisodes', 0.5, 'a whole number'),
  experiment('epoch', 1, unknownKey),
  { given: { experiment: null }, field: 'experiment', value: null, bound: 'an object' },
  parallel('execution', 'threads', 'one of "sequential", "lockstep", "async"'),
  parallel('mode', 'triple', 'one of "double-buffer", "snapshot"'),
  parallel('learnerWorkers', 0, 'at least 1'),
  parallel('learnerWorkers', 1025, 'at most 1024'),
  parallel('learnerWorkers', 'all', '"auto" or a finite number'),
  parallel('trainInterval', 0, 'at least 1'),
  parallel('trainInterval', 2.5, 'a whole number'),
  parallel('gradientSteps', -1, 'at least 0'),
  parallel('learningStarts', -1, 'at least 0'),
  parallel('publishInterval', 0, 'at least 1'),
  parallel('maxTrainingLag', -1, 'at least 0'),
  parallel('maxTrainingLag', 1.5, `a whole number, ${orInfinity}`),
  parallel('bufferCapacity', 0, 'at least 1'),
  parallel('bufferCapacity', 2 ** 30, 'at most 536870912'),
  parallel('batchSize', 0, 'at least 1'),
  parallel('threads', 4, unknownKey),
  { given: { output: { directory: '' } }, field: 'output.directory', value: '', bound: 'at least 1 character' },
  { given: { output: { file: 'x' } }, field: 'output.file', value: 'x', bound: unknownKey },
  {
    given: { agent: {} },
    field: 'agent',
    value: {},
    bound: `${unknownKey}, only environment, environmentOptions, agents, experiment, parallel, output`,
  },
];

describe('a bad configuration is refused at construction', () => {
  it.each(refusals)('$field: $value', ({ given, field, value, bound }) => {
    const error = refusal({ ...game, ...given });
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'ERR_CONFIGURATION', field });
    // What is unknown may be told what is known.
    const { bound: said } = error as ConfigurationError;
    expect(bound === unknownKey ? said.slice(0, unknownKey.length) : said).toBe(bound);
    expect((error as ConfigurationError).value).toEqual(value);
    expect((error as ConfigurationError).message).toContain(`${field} is `);
    expect((error as ConfigurationError).message).toContain(`, but must be ${bound}`);
  });

  it.each([undefined, null, 5, 'treasurehunt', []])('that is no configuration at all: %o', (given) => {
    expect(refusal(given)).toMatchObject({ field: 'configuration', bound: 'an object' });
  });

  it('by an Experiment as the user wrote it', () => {
    for (const value of [null, 5, 'async']) {
      const given = { ...game, parallel: value } as unknown as MarlConfiguration;
      expect(() => new Experiment(given)).toThrow(`parallel is ${JSON.stringify(value)}, but must be an object.`);
    }
    expect(() => new Experiment(undefined as unknown as MarlConfiguration)).toThrow(ConfigurationError);
  });

  it('where an option cannot travel to another thread', () => {
    expect(refusal(trial({ size: 3, listener: refusal }))).toMatchObject({
      field: 'environmentOptions.listener',
      value: refusal,
      bound: 'plain data: an environment is made in another thread',
    });
  });

  it.each([new URL('file:///map'), new MarlSystem(game), { deep: [new URL('file:///map')] }])(
    'where a clone of an option would be something else: %#',
    (map) => {
      expect(refusal(trial({ map }))).toMatchObject({ field: 'environmentOptions.map', value: map });
    },
  );

  it('but not options that may be cloned, tables and circles among them', () => {
    const circle: Record<string, unknown> = { table: new Float32Array(2), list: [1, 'a', null, undefined] };
    circle['circle'] = circle;
    expect(refusal(trial({ circle }))).toBeUndefined();
  });
});

/** What a ring of this capacity is refused with, when memory is planned; nothing is allocated. */
async function capacityRefusal(size: number, bufferCapacity: number): Promise<ConfigurationError | undefined> {
  const configuration = resolveConfiguration(trial({}, { parallel: { bufferCapacity } }));
  const agent: AgentSpec = {
    id: 'agent-0',
    observation: { size, dtype: 'u8' },
    action: { kind: 'discrete', count: 5 },
    hasActionMask: true,
  };
  try {
    await planRun(configuration, { reference: 'x', options: {}, maxTurns: 1 }, [agent]);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  return undefined;
}

/** The same of one that only shows itself once the environment is there; no thread may have been started. */
async function refusalOfRun(configuration: MarlConfiguration): Promise<unknown> {
  using threads = new ThreadWatch();
  const error = await failureOf(new MarlSystem(configuration).run());
  expect(threads.started).toBe(0);
  expect(error).toBeInstanceOf(ConfigurationError);
  return error;
}

describe('what depends on the environment is refused before a thread starts', () => {
  it('a ring too small for what is sampled from it', async () => {
    const agents = { algorithm: { name: 'dqn', frameStack: 5, nStep: 3 } };
    const least = 2 * (64 + 3 + 5 + 2);
    const given = { ...game, agents, parallel: { bufferCapacity: least - 1, batchSize: 64 } };
    expect(await refusalOfRun(given)).toMatchObject({
      field: 'parallel.bufferCapacity',
      value: least - 1,
      bound: `at least ${least}`,
    });
  });

  it('but not the smallest that is large enough', async () => {
    const { parallel: settings, ...rest } = trial({}, { parallel: { batchSize: 16, trainInterval: 1 } });
    const run = { ...rest, parallel: { ...settings, bufferCapacity: 2 * (16 + 2 + 2 + 2) } };
    expect(await new MarlSystem(run).run()).toMatchObject({ turns: 200, trainSteps: 320 });
  });

  it('memory beyond 4 GiB', async () => {
    const error = await refusalOfRun(trial({ size: 1_000_000 }, { parallel: { bufferCapacity: 100_000 } }));
    expect(error).toMatchObject({ field: 'parallel.bufferCapacity', value: 100_000 });
    expect((error as ConfigurationError).message).toContain('4 GiB can be addressed');
  });

  it.each([
    [3, 2 ** 29],
    [1_000, 2 ** 25],
    [100_000, 100_000],
  ])('memory beyond 4 GiB, with a bound that is right (observations of %d)', async (size, bufferCapacity) => {
    const { bound } = (await capacityRefusal(size, bufferCapacity)) ?? {};
    const most = Number(/^at most (\d+)$/.exec(bound ?? '')?.[1]);
    expect(await capacityRefusal(size, most)).toBeUndefined();
    expect(await capacityRefusal(size, Math.ceil(most * 1.001) + 100)).toBeInstanceOf(ConfigurationError);
  });

  it('a network beyond 4 GiB', async () => {
    const agents = { algorithm: { name: 'dqn', hiddenSizes: [30_000, 30_000] } };
    const error = await refusalOfRun(trial({}, { agents }));
    expect(error).toMatchObject({ field: 'agents.algorithm', bound: 'a smaller network' });
  });

  it('more or fewer agents than there are', async () => {
    const environment = { module: new URL('fixtures/least.js', import.meta.url), options: { walkers: 2 } };
    const rest = { environment, experiment: { maxTurns: 5 } };
    const bound = '2, the number that the environment has';
    expect(await refusalOfRun({ ...rest, agents: { count: 3 } })).toMatchObject({
      field: 'agents.count',
      value: 3,
      bound,
    });
    expect(await refusalOfRun({ ...rest, agents: [{}, {}, {}] })).toMatchObject({
      field: 'agents.count',
      value: 3,
      bound,
    });
    expect(await refusalOfRun({ ...rest, agents: [{}] })).toMatchObject({ field: 'agents.count', value: 1, bound });
  });

  it('agents that nobody knows, or of which only some are named', async () => {
    expect(await refusalOfRun(trial({}, { agents: [{ id: 'agent-0' }, { id: 'agent-7' }] }))).toMatchObject({
      field: 'agents.1.id',
      value: 'agent-7',
      bound: 'one of agent-0, agent-1',
    });
    expect(await refusalOfRun(trial({}, { agents: [{ id: 'agent-1' }, {}] }))).toMatchObject({
      field: 'agents.0.id',
      value: 'agent-1',
      bound: 'left out, or given for every agent',
    });
  });

  it('no turns, where the environment does not say how many', async () => {
    const environment = { module: new URL('fixtures/least.js', import.meta.url) };
    expect(await refusalOfRun({ environment })).toMatchObject({ field: 'experiment.maxTurns', value: undefined });
  });
});

function lagOf(publishInterval: number): number {
  return resolveConfiguration({ ...game, parallel: { publishInterval } }).parallel.maxTrainingLag;
}

function epochsOf(settings: MarlConfiguration['experiment']): number {
  return resolveConfiguration({ ...game, experiment: settings }).experiment.epochs;
}

async function hashesOf(configuration: MarlConfiguration): Promise<string[]> {
  return (await new Experiment(configuration).runExperiment()).agents.map((agent) => agent.weightsHash);
}

describe('a configuration', () => {
  it('has the defaults that are documented', () => {
    const {
      experiment: run,
      parallel: threads,
      agents,
      agentCount,
      output,
      environmentOptions,
    } = resolveConfiguration(game);
    expect(run).toEqual({
      epochs: 300,
      seed: 0,
      totalTurns: Infinity,
      maxSeconds: Infinity,
      logInterval: 10,
      evaluateEvery: Infinity,
      evaluateEpisodes: 20,
      checkpointEvery: Infinity,
    });
    expect(threads).toEqual({
      execution: 'async',
      mode: 'double-buffer',
      learnerWorkers: 'auto',
      trainInterval: 4,
      gradientSteps: 1,
      learningStarts: 1_000,
      publishInterval: 10,
      maxTrainingLag: 32,
      bufferCapacity: 10_000,
      batchSize: 64,
      heartbeatTimeoutMs: 30_000,
      restart: { maxRestarts: 5, withinMs: 60_000 },
    });
    expect({ agentCount, output, environmentOptions }).toEqual({
      agentCount: undefined,
      output: { schedule: true, trace: false, keepCheckpoints: 2, checkpointRings: true },
      environmentOptions: {},
    });
    expect(agents).toMatchObject([{ id: undefined, algorithmReference: 'dqn', priority: 1 }]);
    expect(agents[0]?.algorithm).toMatchObject({ hiddenSizes: [64, 64], frameStack: 5, nStep: 3, discount: 0.9 });
  });

  it('lets a learner be twice the publish interval behind, if that is more than 32', () => {
    expect([1, 16, 17, 100].map(lagOf)).toEqual([32, 32, 34, 200]);
  });

  it('has no limit of epochs where it has another stop condition', () => {
    expect(epochsOf({ totalTurns: 5 })).toBe(Infinity);
    expect(epochsOf({ maxSeconds: 5 })).toBe(Infinity);
    expect(epochsOf({ stopAtReward: 0 })).toBe(Infinity);
    expect(epochsOf({ stopAtReward: 0, epochs: 7 })).toBe(7);
    expect(epochsOf({ totalTurns: Infinity })).toBe(300);
  });

  it.each([Infinity, 'Infinity'] as const)('takes %o where there may be no limit', (none) => {
    const { experiment: run, parallel: threads } = resolveConfiguration({
      ...game,
      experiment: { epochs: none, totalTurns: none, maxSeconds: none },
      parallel: { maxTrainingLag: none },
    });
    expect(run).toMatchObject({ epochs: Infinity, totalTurns: Infinity, maxSeconds: Infinity });
    expect(threads.maxTrainingLag).toBe(Infinity);
  });

  it('gives each agent its own settings, by name or by place', async () => {
    const byPlace = trial({}, { agents: [{ algorithm: { hiddenSizes: [4] } }, { algorithm: { hiddenSizes: [5] } }] });
    const byName = trial(
      {},
      {
        agents: [
          { id: 'agent-1', algorithm: { hiddenSizes: [5] } },
          { id: 'agent-0', algorithm: { hiddenSizes: [4] } },
        ],
      },
    );
    const hashes = await hashesOf(byPlace);
    expect(await hashesOf(byName)).toEqual(hashes);
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  it('prefers environmentOptions to the options of the reference', () => {
    const environment = { module: 'x.js', options: { a: 1, b: 1 } };
    expect(resolveConfiguration({ environment, environmentOptions: { b: 2 } }).environmentOptions).toEqual({
      a: 1,
      b: 2,
    });
  });

  it('is never changed by being read', () => {
    const given = trial({}, { agents: [{}, {}] });
    const copy = structuredClone({ ...given, environment: 'x' });
    resolveConfiguration(given);
    expect({ ...given, environment: 'x' }).toEqual(copy);
  });
});

function isRefusedOrAccepted(given: unknown): boolean {
  const error = refusal(given);
  return error === undefined || (error instanceof ConfigurationError && error.field !== '' && error.bound !== '');
}

describe('whatever a configuration holds', () => {
  const levels = ['environment', 'environmentOptions', 'agents', 'experiment', 'parallel', 'output'];
  const names = [
    'environment environmentOptions agents experiment parallel output module options count algorithm priority id name',
    'epochs seed maxSeconds epsilon start targetUpdate kind hiddenSizes learnerWorkers maxTrainingLag directory variant',
    '__proto__ constructor toString',
  ].flatMap((line) => line.split(' '));
  const scalar = fc.oneof(
    fc.constantFrom(
      undefined,
      null,
      true,
      'dqn',
      'auto',
      'Infinity',
      Infinity,
      -Infinity,
      Number.NaN,
      -0,
      1,
      1e300,
      2n,
    ),
    fc.constantFrom(Symbol('x'), () => {}, new Date(0), new Map(), new Uint8Array(2), /x/, Promise.resolve()),
    fc.double(),
    fc.string({ maxLength: 4 }),
  );
  const { garbage } = fc.letrec<{ garbage: unknown }>((tie) => ({
    garbage: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie('garbage'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie('garbage'), { maxKeys: 4, noNullPrototype: false }),
    ),
  }));

  it('is accepted or refused with a ConfigurationError', () => {
    const property = fc.property(garbage, isRefusedOrAccepted);
    expect(fc.check(property, { numRuns: 3_000 }).counterexample).toBeNull();
  });

  it('also where most of it is right', () => {
    const part = fc.constantFrom(...levels, 'extra');
    const property = fc.property(part, garbage, (name, value) => isRefusedOrAccepted({ ...game, [name]: value }));
    expect(fc.check(property, { numRuns: 3_000 }).counterexample).toBeNull();
  });

  it('even a structure that contains itself', () => {
    const circle: Record<string, unknown> = {};
    circle['circle'] = circle;
    for (const level of levels) expect(isRefusedOrAccepted({ ...game, [level]: circle })).toBe(true);
    for (const level of levels) expect(isRefusedOrAccepted({ ...game, [level]: [circle] })).toBe(true);
  });
});
