import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluateRun, MarlSystem } from 'marlin-rl';
import type { MarlConfiguration } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, runAndRecord, ThreadWatch, trial } from './trial-run.js';

const linear = new URL('../../examples/linear-q.js', import.meta.url);
const corridor = new URL('../../examples/corridor.js', import.meta.url);

type Execution = 'sequential' | 'async';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-own-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

function inCorridor(execution: Execution, settings = {}): MarlConfiguration {
  return {
    environment: { module: corridor },
    agents: { algorithm: { module: linear, discount: 0.95, ...settings } },
    experiment: { epochs: 200, maxTurns: 50, seed: 3 },
    parallel: { execution, learningStarts: 200, trainInterval: 1 },
  };
}

describe.each<Execution>(['sequential', 'async'])('%s: the example of an own algorithm', (execution) => {
  it('learns, trains what it owes, and says so in records', async () => {
    const { summary, records } = await runAndRecord(inCorridor(execution));
    // A walker that goes straight gets 10 less a few tenths; at random both need about 30 turns.
    expect(summary.rewardMeanLast100).toBeGreaterThan(9);
    for (const agent of summary.agents) expect(agent.trainSteps).toBe(agent.owedTrainSteps);
    const last = records.findLast((record) => record.kind === 'iteration');
    expect(last?.policies['near']?.['loss']).toBeGreaterThan(0);
  });

  it('plays with masks, and beside a built-in algorithm', async () => {
    const agents = [{ algorithm: { module: linear } }, { algorithm: { name: 'dqn', hiddenSizes: [8] } }];
    const summary = await new MarlSystem(trial({ masks: true }, { agents, parallel: { execution } })).run();
    expect(summary.agents.map(({ trainSteps, owedTrainSteps }) => trainSteps - owedTrainSteps)).toEqual([0, 0]);
  });
});

it('comes to the same bits from the same seed', async () => {
  const first = await new MarlSystem(inCorridor('sequential')).run();
  const again = await new MarlSystem(inCorridor('sequential')).run();
  expect(again.agents.map((agent) => agent.weightsHash)).toEqual(first.agents.map((agent) => agent.weightsHash));
});

it('leaves weights that can be evaluated and played', async () => {
  const directory = join(scratch, 'run');
  await new MarlSystem({ ...inCorridor('async'), output: { directory } }).run();
  const evaluation = await evaluateRun(directory, { episodes: 5 });
  expect(evaluation.rewardMin).toBeGreaterThan(9);
  const fixed = { agents: { algorithm: { name: 'fixed', run: directory } } };
  const summary = await new MarlSystem({ ...inCorridor('async'), ...fixed }).run();
  expect(summary.rewardMean).toBeGreaterThan(9);
});

describe('what is wrong with an own algorithm is told before a thread starts:', () => {
  it.each([
    [{ discount: 2 }, 'agents.algorithm.discount', 2],
    [{ learningrate: 1 }, 'agents.algorithm.learningrate', 1],
    [{ name: 'dqn' }, 'agents.algorithm.name', 'dqn'],
    [{ preset: 'source' }, 'agents.algorithm.preset', 'source'],
  ])('%o', async (settings, field, value) => {
    using threads = new ThreadWatch();
    const failure = await failureOf((async () => new MarlSystem(inCorridor('async', settings)).run())());
    expect(failure).toMatchObject({ code: 'ERR_CONFIGURATION', field, value });
    expect(threads.started).toBe(0);
  });

  it.each([
    ['missing.js', {}, 'agents.algorithm.module', /missing\.js/],
    ['broken-algorithm.js', { fault: 'none' }, 'agents.algorithm.module', /has no createTrainer, a function/],
    ['nothing.js', {}, 'agents.algorithm.module', /exports none/],
    ['faulty-algorithm.js', { fault: 'frames' }, 'faulty.plan().frames', /0/],
    ['faulty-algorithm.js', { fault: 'experience' }, 'faulty.plan().experience.kind', /replay/],
    ['faulty-algorithm.js', { fault: 'state' }, 'faulty.plan().stateBytes', /begins with the parameters/],
    ['faulty-algorithm.js', { fault: 'shape' }, 'faulty.plan().parameters.0.size', /as its shape says/],
    ['faulty-algorithm.js', { fault: 'place' }, 'faulty.plan().parameters.0.offset', /within the block/],
    ['faulty-algorithm.js', { fault: 'epsilon' }, 'faulty.plan().epsilon', /0\.5/],
    ['faulty-algorithm.js', { fault: 'names' }, 'faulty.plan().metricNames', /all different/],
    ['faulty-algorithm.js', { fault: 'metrics' }, 'faulty.createTrainer().metrics.length', /one for each/],
    ['faulty-algorithm.js', { fault: 'batch' }, 'faulty.createTrainer().batch.kind', /it learns by replay/],
    ['faulty-algorithm.js', { fault: 'step' }, 'faulty.createTrainer().step', /a function/],
  ])('%s %o', async (file, settings, field, message) => {
    using threads = new ThreadWatch();
    const module = new URL(`./fixtures/${file}`, import.meta.url);
    const agents = { algorithm: { module, ...settings } };
    const failure = await failureOf(new MarlSystem(trial({}, { agents, parallel: { execution: 'async' } })).run());
    expect(failure).toMatchObject({ code: 'ERR_CONFIGURATION', field, message: expect.stringMatching(message) });
    // Trainers are made while the actor's thread starts.
    expect(threads.alive).toBe(0);
  });

  it('a policy that cannot act', async () => {
    const module = new URL('./fixtures/faulty-algorithm.js', import.meta.url);
    const agents = { algorithm: { module, fault: 'act' } };
    const failure = await failureOf(new MarlSystem(trial({}, { agents, parallel: { execution: 'sequential' } })).run());
    expect(failure).toMatchObject({ code: 'ERR_CONFIGURATION', field: 'faulty.createPolicy().act' });
  });
});
