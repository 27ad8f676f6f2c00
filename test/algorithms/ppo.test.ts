import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { dqn } from '#marlin/algorithms/dqn.js';
import { ppo } from '#marlin/algorithms/ppo.js';
import { rolloutEnd } from '#marlin/buffer/rollout-batch.js';
import type { ActionSpace } from '#marlin/environment/environment.js';
import { RandomStream } from '#marlin/random.js';
import { differenceOf } from '../kernels/difference.js';
import { uniformStream, uniformValues } from '../kernels/reference.js';
import { actingStep } from './acting-step.js';
import { ppoContext, PpoLearner } from './ppo-learner.js';

const spaces = {
  discrete: { kind: 'discrete', count: 4 },
  'multi-discrete': { kind: 'multi-discrete', counts: [3, 2, 5] },
  box: { kind: 'box', size: 3, low: -1, high: 1 },
} as const satisfies Record<ActionSpace['kind'], ActionSpace>;

const observationSize = 6;
/** 5 minibatches, of which the last of a pass has two rows. */
const sizes = { hiddenSizes: [8], rolloutTurns: 18, minibatchSize: 4, passes: 2 } as const;

interface Rollout {
  readonly settings?: Record<string, unknown>;
  readonly masks?: boolean;
  readonly seed?: number;
  readonly version?: number;
  /** Share of observations that are not 0. */
  readonly density?: number;
}

/** An untrained learner with a rollout of random steps in its batch, with the log-probabilities of its own policy. */
function learnerWithRollout(space: ActionSpace, rollout: Rollout = {}): PpoLearner {
  const { settings = {}, masks = false, seed = 1 } = rollout;
  const learner = new PpoLearner({ ...sizes, ...settings }, ppoContext(space, observationSize, masks));
  learner.trainer.initialize(RandomStream.named({ seed, role: 'initial-weights' }));
  fillRollout(learner, rollout);
  return learner;
}

function fillRollout(learner: PpoLearner, { seed = 1, version = 0, density = 1 }: Rollout): void {
  const { trainer, policy, memory, state } = learner;
  const { batch } = trainer;
  const { size, observationSize: width, actionSize, maskSize } = batch;
  const uniform = uniformStream(seed);
  const values = uniformValues(size * width, seed).map((value) => (uniform() < density ? value : 0));
  learner.fill(batch.observation, values);
  learner.fill(batch.cutObservation, uniformValues(size * width, seed + 1));
  learner.fill(batch.reward, uniformValues(size, seed + 2));
  const legal = Uint8Array.from({ length: size * maskSize }, (_, at) => (at % 3 === 1 ? 0 : 1));
  learner.fillBytes(batch.legal, legal);
  const ends = Array.from({ length: size }, (_, step) => {
    if (step === size - 1 || step === 5) return rolloutEnd.cut;
    return step % 7 === 3 ? rolloutEnd.terminated : rolloutEnd.none;
  });
  learner.fillBytes(batch.end, ends);
  learner.fillWords(
    batch.cutRow,
    ends.map((end, step) => (end === rolloutEnd.cut ? (step === 5 ? 0 : 1) : -1)),
  );
  learner.fillWords(batch.cutCount, [2]);
  const [logProbability = 0, weightsVersion = 0] = batch.fields;
  const random = RandomStream.named({ seed, role: 'exploration' });
  for (let step = 0; step < size; step++) {
    const noted = new Float32Array(memory.buffer, logProbability + step * 4, 1);
    const versions = new Int32Array(memory.buffer, weightsVersion + step * 4, 1);
    const parts = {
      parameters: state.parameters,
      observation: batch.observation + step * width * 4,
      legal: batch.legal === undefined ? undefined : batch.legal + step * maskSize,
      weightsVersion: version,
      fields: [noted, versions],
      random,
    };
    policy.act(actingStep(memory.buffer, batch.action + step * actionSize * 4, parts, actionSize));
  }
}

const stepsOf = ({ configuration }: PpoLearner): number =>
  configuration.passes * Math.ceil(configuration.rolloutTurns / configuration.minibatchSize);

describe('settings', () => {
  it('have defaults', () => {
    expect(v.parse(ppo.schema, {})).toEqual({
      hiddenSizes: [64, 64],
      initialWeights: 'orthogonal',
      frameStack: 1,
      rolloutTurns: 256,
      minibatchSize: 64,
      passes: 10,
      discount: 0.99,
      gaeLambda: 0.95,
      clipRange: 0.2,
      valueCoefficient: 0.5,
      entropyCoefficient: 0.01,
      learningRate: 3e-4,
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-5 },
      maxGradNorm: 0.5,
    });
  });

  it.each([
    { epsilon: 1 },
    { hiddenSizes: [] },
    { rolloutTurns: 0 },
    { minibatchSize: 0.5 },
    { passes: 0 },
    { gaeLambda: 1.1 },
    { clipRange: 0 },
    { entropyCoefficient: -1 },
    { initialWeights: 'zeros' },
  ])('refuse %j', (settings) => {
    expect(v.safeParse(ppo.schema, settings).success).toBe(false);
  });

  it.each([
    [{ rolloutTurns: 100, minibatchSize: 30, passes: 3 }, 12],
    [{ rolloutTurns: 100, minibatchSize: 100, passes: 1 }, 1],
    [{ rolloutTurns: 10, minibatchSize: 64, passes: 5 }, 5],
  ])('%j make %i training steps a rollout', (settings, trainingSteps) => {
    const plan = ppo.plan(v.parse(ppo.schema, settings), ppoContext(spaces.discrete, 2));
    expect(plan.experience).toEqual({ kind: 'rollout', turns: settings.rolloutTurns, discount: 0.99, trainingSteps });
  });

  it('name the algorithm that plays a box where DQN cannot', () => {
    expect(() => dqn.plan(v.parse(dqn.schema, {}), ppoContext(spaces.box, 2))).toThrow(
      'agents.algorithm.name is "dqn", but must be one for other actions than one choice of several, for example "ppo"',
    );
  });
});

describe.each(['discrete', 'multi-discrete', 'box'] as const)('%s actions', (kind) => {
  const space = spaces[kind];

  it('begin each rollout at the policy that acted: no ratio but 1', () => {
    const learner = learnerWithRollout(space, { masks: kind !== 'box' });
    learner.trainer.step();
    const [, , , , approximateKl = 1, clipFraction] = learner.trainer.metrics;
    expect(Math.abs(approximateKl)).toBeLessThan(1e-6);
    expect(clipFraction).toBe(0);
  });

  it('become likelier where they gained more than others', () => {
    const settings = { passes: 30, minibatchSize: 18, discount: 0, learningRate: 3e-3, entropyCoefficient: 0 };
    const learner = learnerWithRollout(space, { settings });
    const { trainer, workspace, memory, configuration } = learner;
    trainer.step();
    const surrogates = Array.from({ length: configuration.passes - 1 }, () => {
      trainer.step();
      return trainer.metrics[1] ?? 0;
    });
    // Normalised advantages have the mean 0, so the surrogate begins at 0.
    expect(surrogates.at(-1)).toBeLessThan(-0.05);
    expect(memory.floats(workspace.rollout.advantage, 18).some((value) => value !== 0)).toBe(true);
  });

  it('train to the same bits from the same seed, and to others from another', () => {
    const trained = [1, 1, 2].map((seed) => {
      const learner = learnerWithRollout(space, { seed });
      for (let step = 0; step < stepsOf(learner); step++) learner.trainer.step();
      return Buffer.from(learner.block(learner.state.parameters).slice().buffer).toString('hex');
    });
    expect(trained[1]).toBe(trained[0]);
    expect(trained[2]).not.toBe(trained[0]);
  });

  it.each(kind === 'box' ? [false] : [false, true])('stay inside their memory, with masks: %s', (masks) => {
    const settings = { hiddenSizes: [9, 7, 5], frameStack: 2 };
    const learner = learnerWithRollout(space, { settings, masks, density: 0.1 });
    const { trainer } = learner;
    const { batch } = trainer;
    for (let step = 0; step < stepsOf(learner); step++) trainer.step();
    fillRollout(learner, { version: 1 });
    // Every step cut: as many observations behind cuts as there can be.
    const steps = Array.from({ length: batch.size }, (_, step) => step);
    learner.fillBytes(
      batch.end,
      steps.map(() => rolloutEnd.cut),
    );
    learner.fillWords(batch.cutRow, steps);
    learner.fillWords(batch.cutCount, [batch.size]);
    for (let step = 0; step < stepsOf(learner); step++) trainer.step();
    expect(learner.isInside).toBe(true);
  });

  it('are not drawn where the best is wanted', () => {
    const { policy, state, trainer, memory } = learnerWithRollout(space);
    const { batch } = trainer;
    const action = batch.action;
    const fields = [new Float32Array(1), new Int32Array(1)];
    const parts = { parameters: state.parameters, observation: batch.observation, fields };
    const bestOf = (seed: number) => {
      const random = RandomStream.named({ seed, role: 'exploration' });
      const step = actingStep(memory.buffer, action, { ...parts, random, isGreedy: true }, batch.actionSize);
      policy.act(step);
      return [...step.action];
    };
    const best = Array.from({ length: 20 }, (_, seed) => bestOf(seed));
    expect(best).toEqual(best.map(() => best[0]));
  });
});

describe('a rollout', () => {
  it('is valued as a whole, whatever the chunks', () => {
    const whole = learnerWithRollout(spaces.discrete, { settings: { minibatchSize: 18 } });
    const chunks = learnerWithRollout(spaces.discrete);
    for (const learner of [whole, chunks]) learner.trainer.step();
    for (const name of ['value', 'advantage', 'returns'] as const) {
      const [left, right] = [whole, chunks].map(({ memory, workspace }) => memory.floats(workspace.rollout[name], 18));
      expect(differenceOf(left ?? [], right ?? [])).toBeUndefined();
    }
  });

  it('is trained on once a pass, in another order each', () => {
    const learner = learnerWithRollout(spaces.discrete);
    const { trainer, memory, workspace } = learner;
    const orders = Array.from({ length: 2 }, () => {
      const trained: number[] = [];
      for (let minibatch = 0; minibatch < 5; minibatch++) {
        trainer.step();
        const rows = minibatch === 4 ? 2 : 4;
        const order = new Int32Array(memory.buffer, workspace.rollout.order, 18);
        for (const row of order.subarray(minibatch * 4, minibatch * 4 + rows)) trained.push(row);
        const gathered = memory.floats(workspace.minibatch.returns, rows);
        const wanted = [...order.subarray(minibatch * 4, minibatch * 4 + rows)].map(
          (row) => memory.floats(workspace.rollout.returns, 18)[row],
        );
        expect([...gathered]).toEqual(wanted);
      }
      return trained;
    });
    for (const order of orders) {
      expect(order.toSorted((left, right) => left - right)).toEqual(Array.from({ length: 18 }, (_, row) => row));
    }
    expect(orders[1]).not.toEqual(orders[0]);
  });

  it('must come from one version of the weights', () => {
    const learner = learnerWithRollout(spaces.discrete);
    learner.fillWords((learner.trainer.batch.fields[1] ?? 0) + 11 * 4, [1]);
    expect(() => learner.trainer.step()).toThrow(
      'A rollout must be collected by the newest weights; it was collected step 0 by weights 0, step 11 by weights 1.',
    );
  });

  it('must come from other weights than the rollout before', () => {
    const learner = learnerWithRollout(spaces.discrete, { version: 3 });
    const { trainer } = learner;
    for (let step = 0; step < stepsOf(learner); step++) trainer.step();
    expect(() => trainer.step()).toThrow('it was collected all by weights 3, as the rollout before');
    fillRollout(learner, { version: 4 });
    expect(() => trainer.step()).not.toThrow();
  });

  it('is learnt to the same bits by a trainer that takes over at its begin', () => {
    const learner = learnerWithRollout(spaces.box);
    const { trainer, memory, state, stateBytes } = learner;
    for (let step = 0; step < stepsOf(learner); step++) trainer.step();
    fillRollout(learner, { version: 1, seed: 2 });
    const before = memory.bytes(state.parameters, stateBytes);
    trainer.step();
    // The scratch memory of the one that died is in no order; its state is that of the last commit.
    new Uint8Array(memory.buffer, state.parameters, stateBytes).set(before);
    const context = ppoContext(spaces.box, observationSize);
    const { configuration, scratch } = learner;
    const other = ppo.createTrainer(configuration, context, memory.kernels, state.parameters, scratch);
    expect(other.batch).toEqual(trainer.batch);
    for (let step = 0; step < stepsOf(learner); step++) other.step();

    const undisturbed = learnerWithRollout(spaces.box);
    for (let step = 0; step < stepsOf(learner); step++) undisturbed.trainer.step();
    fillRollout(undisturbed, { version: 1, seed: 2 });
    for (let step = 0; step < stepsOf(learner); step++) undisturbed.trainer.step();
    const parameters = [learner, undisturbed].map((each) => each.block(each.state.parameters).slice());
    expect(parameters[0]).toEqual(parameters[1]);
  });

  it.each(['observation', 'reward'] as const)('changes no parameter where %s is not finite, and says so', (field) => {
    const learner = learnerWithRollout(spaces.discrete, { settings: { minibatchSize: 18 } });
    const { trainer, state } = learner;
    learner.fill(trainer.batch[field], [Number.NaN]);
    const before = learner.block(state.parameters).slice();
    trainer.step();
    expect(learner.block(state.parameters)).toEqual(before);
    expect(trainer.metrics.every((metric) => Number.isFinite(metric))).toBe(false);
  });
});

function initialTensors(settings: Record<string, unknown>): Record<string, Float32Array> {
  const learner = learnerWithRollout(spaces.box, { settings: { hiddenSizes: [8, 5], ...settings } });
  return learner.readAll(learner.state.parameters);
}

describe('initial weights', () => {
  it('make a policy that is nearly the same everywhere, and values that are not', () => {
    const { aw3 = [], cw3 = [], ab1 = [], logStd } = initialTensors({});
    expect(Math.max(...aw3.map(Math.abs))).toBeLessThan(0.011);
    expect(Math.hypot(...cw3)).toBeCloseTo(1, 5);
    expect([...ab1]).toEqual(Array.from({ length: 8 }, () => 0));
    expect([...(logStd ?? [])]).toEqual([0, 0, 0]);
  });

  it('may be uniform, as in DQN', () => {
    const { aw3 = [], ab3 = [] } = initialTensors({ initialWeights: 'uniform' });
    const bound = 1 / Math.sqrt(5);
    expect(Math.max(...aw3.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...aw3.map(Math.abs))).toBeGreaterThan(bound / 2);
    expect(ab3.some((value) => value !== 0)).toBe(true);
  });
});

it('learns a learning rate by turns: those at the end of each rollout', () => {
  const learningRate = { start: 1, end: 0, duration: 36 };
  const learner = learnerWithRollout(spaces.discrete, { settings: { learningRate, passes: 1 } });
  const { trainer } = learner;
  for (let step = 0; step < stepsOf(learner); step++) trainer.step();
  fillRollout(learner, { version: 1, seed: 2 });
  const before = learner.block(learner.state.parameters).slice();
  // After 36 turns nothing is left of it.
  for (let step = 0; step < stepsOf(learner); step++) trainer.step();
  expect(learner.block(learner.state.parameters)).toEqual(before);
});
