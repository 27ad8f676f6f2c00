import { describe, expect, it } from 'vitest';
import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { RandomStream } from '#marlin/random.js';
import { startTensorFlow } from '#marlin/tensorflow/engine.js';
import { differenceOf, singlePrecision } from '../kernels/difference.js';
import { uniformStream, uniformValues } from '../kernels/reference.js';
import { actingStep } from './acting-step.js';
import { CustomDqnLearner, fixture } from './custom-dqn-learner.js';
import { goldenFiles } from './golden.js';
import { dqnSettings, goldenContext, stepOnGolden } from './golden-step.js';

describe.each(goldenFiles('dqn'))('$name with the same network in TensorFlow.js', async ({ golden }) => {
  const { config, expected } = golden;
  const options = { hiddenSizes: config.hidden, dueling: config.dueling };
  const settings = { ...dqnSettings(golden), network: { module: fixture('dense.js'), options } };
  const learner = await CustomDqnLearner.create(settings, goldenContext(golden));
  stepOnGolden(learner, golden);
  const { memory, workspace, trainer, state } = learner;
  const names = Object.keys(golden.params);
  const read = (offset: number) => Object.fromEntries(names.map((name) => [name, learner.read(offset, name)]));

  it('agrees on action values, temporal-difference errors and loss', () => {
    const q = memory.floats(workspace.q, config.batch * config.actions);
    expect(differenceOf(q, expected.qValues.data)).toBeUndefined();
    expect(differenceOf(memory.floats(workspace.batch.priority, config.batch), expected.tdError.data)).toBeUndefined();
    expect(differenceOf([trainer.metrics[0] ?? 0], [expected.loss])).toBeUndefined();
  });

  it('agrees on the gradients and their norm', () => {
    const gradients = read(workspace.gradients);
    const differences = names.map((name) => [
      name,
      differenceOf(gradients[name] ?? [], expected.gradients[name]?.data ?? [], singlePrecision),
    ]);
    expect(Object.fromEntries(differences)).toEqual(Object.fromEntries(names.map((name) => [name, undefined])));
    expect(differenceOf([trainer.metrics[3] ?? 0], [expected.gradNorm])).toBeUndefined();
  });

  it('agrees on parameters and target after the step, to 0.01 × learning rate', () => {
    const tolerance = { relative: 0, absolute: 0.01 * config.learningRate };
    const [parameters, target] = [read(state.parameters), read(state.target)];
    for (const name of names) {
      expect(differenceOf(parameters[name] ?? [], expected.paramsAfter[name]?.data ?? [], tolerance)).toBeUndefined();
      expect(differenceOf(target[name] ?? [], expected.targetAfter[name]?.data ?? [], tolerance)).toBeUndefined();
    }
  });
});

const actionCount = 4;
const context: AlgorithmContext = {
  agent: {
    id: 'agent-0',
    observation: { size: 18, dtype: 'f32', shape: [2, 3, 3] },
    action: { kind: 'discrete', count: actionCount },
    hasActionMask: true,
  },
  batchSize: 8,
  rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
};

/** An untrained learner with a random batch. */
async function learnerWithBatch(settings: Record<string, unknown> = {}, seed = 1): Promise<CustomDqnLearner> {
  const network = { module: fixture('dense.js') };
  const learner = await CustomDqnLearner.create({ frameStack: 2, network, ...settings }, context);
  const { trainer, memory } = learner;
  const { batch } = trainer;
  const uniform = uniformStream(seed);
  trainer.initialize(RandomStream.named({ seed, role: 'initial-weights' }));
  learner.fill(batch.observation, uniformValues(batch.size * batch.observationSize, seed));
  learner.fill(batch.nextObservation, uniformValues(batch.size * batch.observationSize, seed + 1));
  const actions = Int32Array.from({ length: batch.size }, () => Math.floor(uniform() * actionCount));
  new Int32Array(memory.buffer, batch.action, batch.size).set(actions);
  learner.fill(batch.nStepReturn, uniformValues(batch.size, seed + 3));
  learner.fill(batch.bootstrapDiscount, new Float32Array(batch.size).fill(0.7));
  learner.fill(batch.weight, new Float32Array(batch.size).fill(1));
  new Uint8Array(memory.buffer, batch.nextLegal, batch.size * actionCount).fill(1);
  return learner;
}

const networks = [
  { name: 'of operations', module: fixture('dense.js') },
  { name: 'of layers, with a convolution', module: fixture('small-convolution.js') },
];

describe.each(networks)('a network $name', ({ module }) => {
  const network = { module };

  it('starts from parameters that the random stream decides', async () => {
    const learner = await learnerWithBatch({ network });
    const drawn = [1, 1, 2].map((seed) => {
      learner.trainer.initialize(RandomStream.named({ seed, role: 'initial-weights' }));
      return learner.block(learner.state.parameters).slice();
    });
    expect(drawn[1]).toEqual(drawn[0]);
    expect(drawn[2]).not.toEqual(drawn[0]);
    expect(learner.block(learner.state.target).slice()).toEqual(drawn[2]);
  });

  it('lowers the loss on a batch that stays the same', async () => {
    const { trainer } = await learnerWithBatch({ network, learningRate: 1e-2 });
    trainer.step();
    const before = trainer.metrics[0] ?? 0;
    for (let step = 0; step < 150; step++) trainer.step();
    expect(trainer.metrics[0]).toBeLessThan(before * 0.1);
  });

  it('gives the same bits for the same batch', async () => {
    const learners = [await learnerWithBatch({ network }), await learnerWithBatch({ network })];
    for (const { trainer } of learners) for (let step = 0; step < 5; step++) trainer.step();
    const [left, right] = learners.map(({ block, state, trainer }, index) => ({
      parameters: block.call(learners[index], state.parameters).slice(),
      metrics: trainer.metrics,
    }));
    expect(left).toEqual(right);
  });

  it('keeps neither tensors nor memory over thousands of training steps and actions', async () => {
    const learner = await learnerWithBatch({ network });
    const { tf } = await startTensorFlow();
    const { memory, state, trainer, policy } = learner;
    const observation = trainer.batch.observation;
    const work = (times: number, from: number) => {
      for (let time = 0; time < times; time++) {
        trainer.step();
        const step = { parameters: state.parameters, observation, weightsVersion: from + time };
        policy.act(actingStep(memory.buffer, trainer.batch.action, step));
      }
      const { numTensors, numBytes, numDataBuffers } = tf.memory();
      return { numTensors, numBytes, numDataBuffers };
    };
    const before = work(10, 0);
    expect(work(2_000, 10)).toEqual(before);
  });

  it('acts by the highest value that the training pass computes', async () => {
    const learner = await learnerWithBatch({ network });
    const { memory, state, trainer, policy, workspace } = learner;
    const { batch } = trainer;
    const parameters = learner.block(state.parameters).slice();
    trainer.step();
    const q = memory.floats(workspace.q, batch.size * actionCount);
    learner.block(state.parameters).set(parameters);
    const { action } = batch;
    for (let row = 0; row < batch.size; row++) {
      const observation = batch.observation + row * batch.observationSize * 4;
      const step = actingStep(memory.buffer, action, { parameters: state.parameters, observation });
      expect(policy.act(step)).toBe(true);
      const values = [...q.subarray(row * actionCount, (row + 1) * actionCount)];
      expect(step.action[0]).toBe(values.indexOf(Math.max(...values)));
    }
  });
});

describe('acting', async () => {
  const learner = await learnerWithBatch();
  const { memory, state, policy, trainer } = learner;
  const { observation, action, nextLegal = 0 } = trainer.batch;
  const act = (weightsVersion: number, legal?: number) => {
    const step = actingStep(memory.buffer, action, {
      parameters: state.parameters,
      observation,
      legal,
      weightsVersion,
    });
    return policy.act(step) ? step.action[0] : undefined;
  };
  /** Weights of 0 and a bias that leave but one best action. */
  const prefer = (best: number) => {
    const block = learner.block(state.parameters);
    block.fill(0);
    const bias = learner.plan.parameters.find(({ name }) => name === 'ba')?.offset ?? 0;
    block[bias + best] = 1;
  };

  it('goes by new weights as soon as their version is new, and looks at them only then', () => {
    prefer(1);
    expect(act(5)).toBe(1);
    prefer(2);
    expect(act(5)).toBe(1);
    expect(act(6)).toBe(2);
  });

  it('takes legal actions alone, and none where there is none', () => {
    prefer(3);
    const legal = new Uint8Array(memory.buffer, nextLegal, actionCount);
    legal.set([1, 1, 0, 0]);
    expect(act(7, nextLegal)).toBe(0);
    legal.set([0, 0, 0, 1]);
    expect(act(7, nextLegal)).toBe(3);
    legal.fill(0);
    expect(act(7, nextLegal)).toBeUndefined();
  });
});

describe('a training step', () => {
  it('values the next action by the network that it chose it with where double Q-learning is off', async () => {
    const [double, single] = [await learnerWithBatch(), await learnerWithBatch({ doubleQ: false })];
    for (const learner of [double, single]) {
      learner.block(learner.state.target).set(uniformValues(learner.plan.parameterCount, 9));
      learner.trainer.step();
    }
    expect(single.trainer.metrics[0]).not.toBe(double.trainer.metrics[0]);
  });

  it.each(['observation', 'nStepReturn', 'weight'] as const)(
    'changes nothing where %s is not finite, and says so',
    async (field) => {
      const learner = await learnerWithBatch();
      const { trainer, state, memory, plan } = learner;
      trainer.step();
      learner.fill(trainer.batch[field], [Number.NaN]);
      const before = memory.bytes(state.parameters, plan.stateBytes);
      trainer.step();
      expect(memory.bytes(state.parameters, plan.stateBytes)).toEqual(before);
      expect(trainer.metrics.every((metric) => Number.isFinite(metric))).toBe(false);
    },
  );

  it('copies the target every so many steps', async () => {
    const learner = await learnerWithBatch({ targetUpdate: { kind: 'hard', every: 3 } });
    const isCopy = Array.from({ length: 6 }, () => {
      learner.trainer.step();
      const [parameters, target] = [learner.state.parameters, learner.state.target].map((offset) =>
        Buffer.from(learner.block(offset).slice().buffer),
      );
      return parameters?.equals(target ?? Buffer.alloc(0));
    });
    expect(isCopy).toEqual([false, false, true, false, false, true]);
  });
});
