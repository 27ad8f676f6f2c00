import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { IqnTrainer, iqn } from '#marlin/algorithms/iqn.js';
import { Layout } from '#marlin/buffer/layout.js';
import type { NoiseSource } from '#marlin/network/noise-source.js';
import { RandomStream } from '#marlin/random.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { uniformStream, uniformValues } from '../kernels/reference.js';
import { actingStep } from './acting-step.js';
import { IqnLearner } from './iqn-learner.js';

const actionCount = 4;
const quantiles = 5;
const context: AlgorithmContext = {
  agent: {
    id: 'agent-0',
    observation: { size: 24, dtype: 'f32' },
    action: { kind: 'discrete', count: actionCount },
    hasActionMask: true,
  },
  batchSize: 8,
  rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
};
const small = { frameStack: 2, hiddenSizes: [12, 10], quantiles, cosines: 6 };

/** The grid that is acted on, and no noise: what acting computes with. */
function actingSource({ memory }: Pick<IqnLearner, 'memory'>): NoiseSource {
  return {
    uniform: (offset, count) => {
      const grid = Float32Array.from({ length: count }, (_, index) => ((index % quantiles) + 0.5) / quantiles);
      new Float32Array(memory.buffer, offset, count).set(grid);
    },
    gaussian: (offset, count) => {
      new Float32Array(memory.buffer, offset, count).fill(0);
    },
  };
}

/** An untrained learner with a random batch; `density` is the share of observations that are not 0. */
function learnerWithBatch(
  settings: Record<string, unknown> = {},
  source?: (learner: Pick<IqnLearner, 'memory' | 'network'>) => NoiseSource,
): IqnLearner {
  const learner = new IqnLearner({ ...small, ...settings }, context, source);
  const { batch } = learner.trainer;
  learner.trainer.initialize(RandomStream.named({ seed: 1, role: 'initial-weights' }));
  const uniform = uniformStream(1);
  const observations = (seed: number) => uniformValues(batch.size * batch.observationSize, seed);
  learner.fill(batch.observation, observations(1));
  learner.fill(batch.nextObservation, observations(2));
  learner.fillWords(
    learner.trainer.batch.action,
    Int32Array.from({ length: batch.size }, () => Math.floor(uniform() * actionCount)),
  );
  learner.fill(batch.nStepReturn, uniformValues(batch.size, 4));
  learner.fill(batch.bootstrapDiscount, new Float32Array(batch.size).fill(0.7));
  learner.fill(batch.weight, new Float32Array(batch.size).fill(1));
  new Uint8Array(learner.memory.buffer, batch.nextLegal, batch.size * actionCount).fill(1);
  return learner;
}

describe('settings', () => {
  it('default to those of gridworlds, with factorised noise', () => {
    expect(v.parse(iqn.schema, {})).toEqual({
      hiddenSizes: [64, 64],
      quantiles: 12,
      cosines: 64,
      noise: { kind: 'factorised', sigma: 0.5 },
      frameStack: 5,
      discount: 0.9,
      nStep: 3,
      learningRate: 2.5e-4,
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      maxGradNorm: 10,
      targetUpdate: { kind: 'hard', every: 200 },
      replay: { kind: 'uniform' },
      epsilon: { start: 1, end: 0.05, duration: 200, unit: 'epochs' },
    });
    expect(v.parse(iqn.schema, { noise: { kind: 'independent' } }).noise).toEqual({
      kind: 'independent',
      sigma: 0.017,
    });
  });

  it.each([
    { hiddensizes: [1, 1] },
    { hiddenSizes: [8] },
    { hiddenSizes: [8, 0] },
    { quantiles: 0 },
    { cosines: 0 },
    { cosines: 5000 },
    { noise: { kind: 'none', sigma: 1 } },
    { noise: { kind: 'factorised', sigma: -1 } },
    { targetUpdate: { kind: 'soft', copyEvery: 0 } },
    { epsilon: { kind: 'decay', factor: 1.5 } },
  ])('refuse %j', (settings) => {
    expect(v.safeParse(iqn.schema, settings).success).toBe(false);
  });

  it('make no parameters for noise where there is none', () => {
    const plans = ['none', 'factorised', 'independent'].map((kind) =>
      iqn.plan(v.parse(iqn.schema, { ...small, noise: { kind } }), context),
    );
    const noisy = 13 * 10 + 11 * (actionCount + 1);
    expect(plans.map(({ parameterCount }) => parameterCount - (plans[0]?.parameterCount ?? 0))).toEqual([
      0,
      noisy,
      noisy,
    ]);
  });
});

describe('a training step', () => {
  it.each(['none', 'factorised', 'independent'])(
    'lowers the loss on a batch that stays the same; noise: %s',
    (kind) => {
      const learner = learnerWithBatch({ learningRate: 1e-2, noise: { kind } });
      const { trainer } = learner;
      const meanLoss = () => {
        let sum = 0;
        for (let step = 0; step < 20; step++) {
          trainer.step();
          sum += trainer.metrics[0] ?? Number.NaN;
        }
        return sum / 20;
      };
      const before = meanLoss();
      for (let step = 0; step < 200; step++) trainer.step();
      expect(meanLoss()).toBeLessThan(before * 0.5);
    },
  );

  it('moves the target softly, and copies it every so many steps besides', () => {
    const learner = learnerWithBatch({ targetUpdate: { kind: 'soft', tau: 0.5, copyEvery: 3 } });
    const { trainer, state } = learner;
    const isCopy = Array.from({ length: 6 }, () => {
      const before = learner.block(state.target).slice();
      trainer.step();
      const target = learner.block(state.target).slice();
      expect(target).not.toEqual(before);
      return (
        Buffer.compare(Buffer.from(target.buffer), Buffer.from(learner.block(state.parameters).slice().buffer)) === 0
      );
    });
    expect(isCopy).toEqual([false, false, true, false, false, true]);
  });

  it('takes its learning rate from the schedule', () => {
    const schedule = { start: 1e-2, end: 1e-9, duration: 1, unit: 'trainSteps' };
    const learner = learnerWithBatch({ learningRate: schedule });
    const { trainer, state } = learner;
    const change = () => {
      const before = learner.block(state.parameters).slice();
      trainer.step();
      return Math.max(...learner.block(state.parameters).map((value, index) => Math.abs(value - (before[index] ?? 0))));
    };
    expect(change()).toBeGreaterThan(1e-3);
    expect(change()).toBeLessThan(1e-6);
  });

  it.each(['observation', 'nStepReturn', 'weight'] as const)(
    'changes no parameter where %s is not finite, and says so',
    (field) => {
      const learner = learnerWithBatch();
      const { trainer, state, memory } = learner;
      trainer.step();
      learner.fill(trainer.batch[field], [Number.NaN]);
      // Only the generator goes on: it is the last part of the state.
      const bytes = state.generator - state.parameters;
      const before = memory.bytes(state.parameters, bytes);
      trainer.step();
      expect(memory.bytes(state.parameters, bytes)).toEqual(before);
      expect(trainer.metrics.every((metric) => Number.isFinite(metric))).toBe(false);
    },
  );

  it('gives the same bits for the same batch and state, and others for another state of the generator', () => {
    const [left, right] = [learnerWithBatch(), learnerWithBatch()];
    for (let step = 0; step < 3; step++) {
      left.trainer.step();
      right.trainer.step();
    }
    expect(left.block(left.state.parameters).slice()).toEqual(right.block(right.state.parameters).slice());
    expect(left.trainer.metrics).toEqual(right.trainer.metrics);
    right.memory.kernels.seedRandom(right.state.generator, 1, 2, 3, 4);
    left.trainer.step();
    right.trainer.step();
    expect(left.block(left.state.parameters).slice()).not.toEqual(right.block(right.state.parameters).slice());
  });

  it('draws noise and fractions of its own for each of the three passes', () => {
    const drawn: { readonly kind: string; readonly values: string }[] = [];
    const learner = learnerWithBatch({ noise: { kind: 'independent' } }, ({ memory }) => {
      const generator = uniformStream(5);
      const draw = (kind: string) => (offset: number, count: number) => {
        const values = Float32Array.from({ length: count }, generator);
        drawn.push({ kind, values: values.join() });
        new Float32Array(memory.buffer, offset, count).set(values);
      };
      return { uniform: draw('fractions'), gaussian: draw('noise') };
    });
    learner.trainer.step();
    expect(drawn.filter(({ kind }) => kind === 'fractions')).toHaveLength(3);
    expect(drawn.filter(({ kind }) => kind === 'noise')).toHaveLength(6);
  });

  it('values a next state by its legal actions alone', () => {
    const learner = learnerWithBatch({ noise: { kind: 'none' } }, actingSource);
    const { trainer, memory, workspace } = learner;
    const { batch } = trainer;
    const legal = new Uint8Array(memory.buffer, batch.nextLegal, batch.size * actionCount);
    legal.fill(0);
    // Row 0: no legal action at all; the others: action 2.
    for (let row = 1; row < batch.size; row++) legal[row * actionCount + 2] = 1;
    trainer.step();
    const returns = memory.floats(batch.nStepReturn, batch.size);
    const targets = memory.floats(workspace.targets, batch.size * quantiles);
    const values = memory.floats(workspace.nextValues, batch.size * quantiles * actionCount);
    const expected = targets.map((_, index) => {
      const row = Math.floor(index / quantiles);
      const bootstrap = row === 0 ? 0 : Math.fround(Math.fround(0.7) * (values[index * actionCount + 2] ?? 0));
      return Math.fround((returns[row] ?? 0) + bootstrap);
    });
    expect(targets).toEqual(expected);
  });

  it('stays inside its state and scratch memory', () => {
    for (const kind of ['factorised', 'independent', 'none']) {
      const configuration = v.parse(iqn.schema, {
        frameStack: 2,
        hiddenSizes: [9, 7],
        quantiles: 3,
        cosines: 5,
        noise: { kind },
      });
      const plan = iqn.plan(configuration, context);
      const layout = new Layout(64 * 1024);
      const guards: number[] = [];
      const guarded = (bytes: number) => {
        guards.push(layout.reserve(128));
        return layout.reserve(bytes);
      };
      const [state, scratch, policyScratch] = [
        guarded(plan.stateBytes),
        guarded(plan.trainerScratchBytes),
        guarded(plan.policyScratchBytes),
      ];
      const observation = guarded(48 * 4);
      const action = guarded(4);
      guards.push(layout.reserve(128));
      const memory = new KernelMemory(layout.end);
      for (const guard of guards) new Uint8Array(memory.buffer, guard, 128).fill(0xa5);
      const trainer = new IqnTrainer(configuration, context, memory.kernels, state, scratch);
      const policy = iqn.createPolicy(configuration, context, memory.kernels, policyScratch);
      trainer.initialize(RandomStream.named({ seed: 1, role: 'test' }));
      for (const density of [0.1, 1]) {
        const uniform = uniformStream(2);
        const { batch } = trainer;
        const values = new Float32Array(memory.buffer, batch.observation, batch.size * batch.observationSize);
        values.set(values.map(() => (uniform() < density ? 1 : 0)));
        trainer.step();
        new Float32Array(memory.buffer, observation, 48).set(values.subarray(0, 48));
        policy.act(actingStep(memory.buffer, action, { parameters: state, observation, weightsVersion: density }));
      }
      const intact = guards.map((guard) => memory.bytes(guard, 128).every((byte) => byte === 0xa5));
      expect(intact).toEqual(guards.map(() => true));
    }
  });
});

describe('acting', () => {
  const learner = learnerWithBatch({}, actingSource);
  const { memory, state, policy } = learner;
  // Larger weights, for the best action of an untrained network hardly depends on the observation.
  const block = learner.block(state.parameters);
  block.set(block.map((value) => 4 * value));
  const { action: actions, observation: observations, size, observationSize } = learner.trainer.batch;
  const act = (observation: number, weightsVersion = 0, legal?: number) => {
    const parts = { parameters: state.parameters, observation, legal, weightsVersion };
    const step = actingStep(memory.buffer, actions, parts);
    return policy.act(step) ? step.action[0] : undefined;
  };
  const actOnAll = (weightsVersion: number) =>
    Array.from({ length: size }, (_, row) => act(observations + row * observationSize * 4, weightsVersion));

  /** What the training pass, on the same grid and without noise, thinks best for each row of its batch. */
  function bestOfTrainingPass(): number[] {
    const before = memory.bytes(state.parameters, state.generator - state.parameters);
    learner.trainer.step();
    new Uint8Array(memory.buffer, state.parameters, before.length).set(before);
    const values = memory.floats(learner.workspace.values, size * quantiles * actionCount);
    return Array.from({ length: size }, (_, row) => {
      const sums = Array.from({ length: actionCount }, (__, action) => {
        let sum = 0;
        for (let quantile = 0; quantile < quantiles; quantile++) {
          sum += values[(row * quantiles + quantile) * actionCount + action] ?? Number.NaN;
        }
        return sum;
      });
      return sums.indexOf(Math.max(...sums));
    });
  }

  it('takes the action that the training pass thinks best on the same grid, without noise', () => {
    const best = bestOfTrainingPass();
    expect(new Set(best).size).toBeGreaterThan(1);
    expect(actOnAll(0)).toEqual(best);
  });

  it('keeps the embedding of the grid until the version of the weights changes', () => {
    const before = actOnAll(0);
    const wc = learner.network.parameters.find(({ name }) => name === 'wc');
    if (wc === undefined) throw new Error('The network lost its cosine layer.');
    const weights = learner.block(state.parameters).subarray(wc.offset, wc.offset + wc.size);
    weights.set(uniformValues(weights.length, 77).map((value) => 5 * value));
    expect(actOnAll(0)).toEqual(before);
    const best = bestOfTrainingPass();
    expect(best).not.toEqual(before);
    expect(actOnAll(1)).toEqual(best);
  });

  it('takes legal actions alone, and none where there is none', () => {
    const { nextLegal = 0 } = learner.trainer.batch;
    const legal = new Uint8Array(memory.buffer, nextLegal, actionCount);
    for (let only = 0; only < actionCount; only++) {
      legal.fill(0);
      legal[only] = 1;
      expect(act(observations, 1, nextLegal)).toBe(only);
    }
    legal.fill(0);
    expect(act(observations, 1, nextLegal)).toBeUndefined();
  });
});
