import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { dqn } from '#marlin/algorithms/dqn.js';
import { Layout } from '#marlin/buffer/layout.js';
import { RandomStream } from '#marlin/random.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { uniformStream, uniformValues } from '../kernels/reference.js';
import { actingStep } from './acting-step.js';
import { DqnLearner } from './dqn-learner.js';

const actionCount = 4;
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

/** An untrained learner with a random batch; `density` is the share of observations that are not 0. */
function learnerWithBatch(settings: Record<string, unknown> = {}, density = 1, seed = 1): DqnLearner {
  const learner = new DqnLearner({ frameStack: 2, hiddenSizes: [12], ...settings }, context);
  const { trainer } = learner;
  const { batch } = trainer;
  trainer.initialize(RandomStream.named({ seed, role: 'initial-weights' }));
  const uniform = uniformStream(seed);
  const observations = () =>
    uniformValues(batch.size * batch.observationSize, seed).map((value) => (uniform() < density ? value : 0));
  learner.fill(batch.observation, observations());
  learner.fill(batch.nextObservation, observations());
  learner.fillWords(
    learner.trainer.batch.action,
    Int32Array.from({ length: batch.size }, () => Math.floor(uniform() * actionCount)),
  );
  learner.fill(batch.nStepReturn, uniformValues(batch.size, seed + 3));
  learner.fill(batch.bootstrapDiscount, new Float32Array(batch.size).fill(0.7));
  learner.fill(batch.weight, new Float32Array(batch.size).fill(1));
  new Uint8Array(learner.memory.buffer, batch.nextLegal, batch.size * actionCount).fill(1);
  return learner;
}

describe('settings', () => {
  it('default to those of gridworlds', () => {
    expect(v.parse(dqn.schema, {})).toEqual({
      hiddenSizes: [64, 64],
      dueling: true,
      doubleQ: true,
      frameStack: 5,
      discount: 0.9,
      nStep: 3,
      learningRate: 2.5e-4,
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      maxGradNorm: 10,
      huberDelta: 1,
      targetUpdate: { kind: 'hard', every: 200 },
      replay: { kind: 'uniform' },
      distribution: { kind: 'none' },
      noise: { kind: 'none' },
      epsilon: { start: 1, end: 0.05, duration: 200, unit: 'epochs' },
    });
    expect(v.parse(dqn.schema, { targetUpdate: { kind: 'soft' } }).targetUpdate).toEqual({ kind: 'soft', tau: 0.005 });
  });

  it.each([
    { learningrate: 1 },
    { hiddenSizes: [] },
    { hiddenSizes: [0] },
    { discount: 1.1 },
    { nStep: 0 },
    { targetUpdate: { kind: 'soft', every: 3 } },
    { adam: { beta1: 1 } },
    { epsilon: { start: 2 } },
  ])('refuse %j', (settings) => {
    expect(v.safeParse(dqn.schema, settings).success).toBe(false);
  });
});

describe('a training step', () => {
  it('lowers the loss on a batch that stays the same', () => {
    const learner = learnerWithBatch({ learningRate: 1e-2 });
    learner.trainer.step();
    const before = learner.trainer.metrics[0] ?? 0;
    for (let step = 0; step < 100; step++) learner.trainer.step();
    expect(learner.trainer.metrics[0]).toBeLessThan(before * 0.1);
  });

  it('copies the target every so many steps, and leaves it alone in between', () => {
    const learner = learnerWithBatch({ targetUpdate: { kind: 'hard', every: 3 } });
    const { trainer, state } = learner;
    let copy = learner.block(state.parameters).slice();
    const events = Array.from({ length: 7 }, () => {
      trainer.step();
      const target = learner.block(state.target).slice();
      if (Buffer.compare(Buffer.from(target.buffer), Buffer.from(copy.buffer)) === 0) return 'kept';
      copy = target;
      return Buffer.compare(Buffer.from(learner.block(state.parameters).slice().buffer), Buffer.from(copy.buffer)) === 0
        ? 'copied'
        : 'changed';
    });
    expect(events).toEqual(['kept', 'kept', 'copied', 'kept', 'kept', 'copied', 'kept']);
  });

  it.each(['observation', 'nStepReturn', 'weight'] as const)(
    'changes nothing where %s is not finite, and says so',
    (field) => {
      const learner = learnerWithBatch();
      const { trainer, state, memory } = learner;
      trainer.step();
      learner.fill(trainer.batch[field], [Number.NaN]);
      const stateBytes = dqn.plan(learner.configuration, context).stateBytes;
      const before = memory.bytes(state.parameters, stateBytes);
      trainer.step();
      expect(memory.bytes(state.parameters, stateBytes)).toEqual(before);
      expect(trainer.metrics.every((metric) => Number.isFinite(metric))).toBe(false);
    },
  );

  it('gives the same bits for the same batch', () => {
    const [left, right] = [learnerWithBatch(), learnerWithBatch()];
    for (let step = 0; step < 3; step++) {
      left.trainer.step();
      right.trainer.step();
    }
    expect(left.block(left.state.parameters).slice()).toEqual(right.block(right.state.parameters).slice());
    expect(left.trainer.metrics).toEqual(right.trainer.metrics);
  });

  it('stays inside its state and scratch memory', () => {
    const configuration = v.parse(dqn.schema, { frameStack: 2, hiddenSizes: [9, 7, 5] });
    const plan = dqn.plan(configuration, context);
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
    const trainer = dqn.createTrainer(configuration, context, memory.kernels, state, scratch);
    const policy = dqn.createPolicy(configuration, context, memory.kernels, policyScratch);
    const random = RandomStream.named({ seed: 1, role: 'test' });
    trainer.initialize(random);
    for (const density of [0.1, 1]) {
      const uniform = uniformStream(2);
      const { batch } = trainer;
      const values = new Float32Array(memory.buffer, batch.observation, batch.size * batch.observationSize);
      values.set(values.map(() => (uniform() < density ? 1 : 0)));
      trainer.step();
      new Float32Array(memory.buffer, observation, 48).set(values.subarray(0, 48));
      policy.act(actingStep(memory.buffer, action, { parameters: state, observation }));
    }
    const intact = guards.map((guard) => memory.bytes(guard, 128).every((byte) => byte === 0xa5));
    expect(intact).toEqual(guards.map(() => true));
  });
});

describe('acting', () => {
  const learner = learnerWithBatch();
  const { memory, state, policy } = learner;
  const { action: actions } = learner.trainer.batch;
  const act = (observation: number, legal?: number) => {
    const step = actingStep(memory.buffer, actions, { parameters: state.parameters, observation, legal });
    return policy.act(step) ? step.action[0] : undefined;
  };

  it('takes the action of the highest value that the training pass computes', () => {
    const { batch } = learner.trainer;
    learner.trainer.step();
    const q = memory.floats(learner.workspace.online.q, batch.size * actionCount);
    // The step changed the parameters; the ones that gave q come back from the seed.
    learner.trainer.initialize(RandomStream.named({ seed: 1, role: 'initial-weights' }));
    const chosen = Array.from({ length: batch.size }, (_, row) =>
      act(batch.observation + row * batch.observationSize * 4),
    );
    const best = chosen.map((__, row) => {
      const values = [...q.subarray(row * actionCount, (row + 1) * actionCount)];
      return values.indexOf(Math.max(...values));
    });
    expect(chosen).toEqual(best);
  });

  it('takes legal actions alone, and none where there is none', () => {
    const { observation, nextLegal = 0 } = learner.trainer.batch;
    const legal = new Uint8Array(memory.buffer, nextLegal, actionCount);
    for (let only = 0; only < actionCount; only++) {
      legal.fill(0);
      legal[only] = 1;
      expect(act(observation, nextLegal)).toBe(only);
    }
    legal.fill(0);
    expect(act(observation, nextLegal)).toBeUndefined();
  });
});
