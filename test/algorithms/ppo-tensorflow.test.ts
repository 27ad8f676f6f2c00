import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { planState } from '#marlin/algorithms/ppo-memory.js';
import { planTensorFlowWorkspace, tensorFlowPpo } from '#marlin/algorithms/ppo-tensorflow.js';
import { planDistribution } from '#marlin/algorithms/action-distribution.js';
import { Layout } from '#marlin/buffer/layout.js';
import { choiceCounts } from '#marlin/environment/action-space.js';
import type { ActionSpace } from '#marlin/environment/environment.js';
import { ParameterLayout, readTensor, writeTensor } from '#marlin/network/parameter-layout.js';
import { RandomStream } from '#marlin/random.js';
import { startTensorFlow } from '#marlin/tensorflow/engine.js';
import { differenceOf } from '../kernels/difference.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { uniformStream, uniformValues } from '../kernels/reference.js';
import { actingStep } from './acting-step.js';
import { fixture } from './custom-dqn-learner.js';
import { ppoContext, PpoLearner } from './ppo-learner.js';

const [rows, inputs] = [9, 5];
const hiddenSizes = [6, 4];
const network = { module: fixture('actor-critic.js'), options: { hiddenSizes } };
const settings = { rolloutTurns: rows, minibatchSize: rows, entropyCoefficient: 0.05, hiddenSizes };
const stream = () => RandomStream.named({ seed: 2, role: 'initial-weights' });

/** A trainer and a policy of PPO with a custom network, over a memory of its own. */
async function customLearner(context: AlgorithmContext, changes: Record<string, unknown> = {}) {
  const configuration = v.parse(tensorFlowPpo.schema, { ...settings, network, ...changes });
  const plan = await tensorFlowPpo.plan(configuration, context);
  const layout = new Layout(64 * 1024);
  const stateOffset = layout.reserve(plan.stateBytes);
  const scratch = layout.reserve(plan.trainerScratchBytes);
  const policyScratch = layout.reserve(plan.policyScratchBytes);
  const memory = new KernelMemory(layout.end);
  const { kernels } = memory;
  const distribution = planDistribution(new ParameterLayout(), context.agent.action);
  const sizes = { distribution, parameterCount: plan.parameterCount };
  return {
    plan,
    memory,
    trainer: await tensorFlowPpo.createTrainer(configuration, context, kernels, stateOffset, scratch),
    policy: await tensorFlowPpo.createPolicy(configuration, context, kernels, policyScratch),
    state: planState(new Layout(stateOffset), plan),
    workspace: planTensorFlowWorkspace(new Layout(scratch), sizes, configuration, context),
    block: (offset: number) => new Float32Array(memory.buffer, offset, plan.parameterCount),
  };
}

type CustomLearner = Awaited<ReturnType<typeof customLearner>>;

/** Fills a minibatch with the same for any learner of the same agent. */
function fillMinibatch({ memory, trainer, workspace }: PpoLearner | CustomLearner, space: ActionSpace): void {
  const { minibatch } = trainer.update;
  const uniform = uniformStream(4);
  const floats = (offset: number, values: ArrayLike<number>) =>
    new Float32Array(memory.buffer, offset, values.length).set(values);
  floats(minibatch.observation, uniformValues(rows * inputs, 5));
  floats(minibatch.advantage, uniformValues(rows, 7));
  floats(minibatch.returns, uniformValues(rows, 8));
  floats(
    minibatch.oldLogProbability,
    uniformValues(rows, 9).map((value) => value - 1.5),
  );
  if (space.kind === 'box') {
    floats(minibatch.actions.action, uniformValues(rows * space.size, 6));
    return;
  }
  const counts = choiceCounts(space);
  const options = workspace.batch.maskSize;
  const legal = Uint8Array.from({ length: rows * options }, () => (uniform() < 0.4 ? 0 : 1));
  const action = Int32Array.from({ length: rows * counts.length }, (_, index) => {
    const choice = index % counts.length;
    const first = counts.slice(0, choice).reduce((sum, count) => sum + count, 0);
    const chosen = Math.floor(uniform() * (counts[choice] ?? 1));
    legal[Math.floor(index / counts.length) * options + first + chosen] = 1;
    return chosen;
  });
  new Int32Array(memory.buffer, minibatch.actions.action, action.length).set(action);
  if (minibatch.actions.legal !== undefined) {
    new Uint8Array(memory.buffer, minibatch.actions.legal, legal.length).set(legal);
  }
}

/** Gives a custom learner the parameters of a built-in one. */
function copyParameters(from: PpoLearner, to: CustomLearner): void {
  const tensors = from.readAll(from.state.parameters);
  for (const tensor of to.plan.parameters) {
    writeTensor(to.block(to.state.parameters), tensor, tensors[tensor.name] ?? []);
  }
}

describe.each([
  { space: { kind: 'discrete', count: 4 }, masks: false },
  { space: { kind: 'discrete', count: 4 }, masks: true },
  { space: { kind: 'multi-discrete', counts: [3, 1, 4] }, masks: true },
  { space: { kind: 'box', size: 2, low: -1, high: 1 }, masks: false },
] as const)('$space.kind actions, with masks: $masks', ({ space, masks }) => {
  const context = ppoContext(space, inputs, masks);

  it('a training step is that of the built-in network', async () => {
    const own = new PpoLearner({ ...settings, initialWeights: 'uniform' }, context);
    const custom = await customLearner(context);
    own.trainer.initialize(stream());
    custom.trainer.initialize(stream());
    copyParameters(own, custom);
    for (const learner of [own, custom]) fillMinibatch(learner, space);
    own.trainer.update.step(rows);
    custom.trainer.update.step(rows);
    expect(differenceOf(custom.trainer.metrics, own.trainer.metrics)).toBeUndefined();
    const tolerance = { relative: 1e-5, absolute: 2e-6 };
    const [gradients, parameters] = [own.readAll(own.workspace.gradients), own.readAll(own.state.parameters)];
    expect(Object.keys(gradients).toSorted()).toEqual(custom.plan.parameters.map(({ name }) => name).toSorted());
    for (const tensor of custom.plan.parameters) {
      const gradient = readTensor(custom.block(custom.workspace.gradients), tensor);
      expect(differenceOf(gradient, gradients[tensor.name] ?? [], tolerance)).toBeUndefined();
      const after = readTensor(custom.block(custom.state.parameters), tensor);
      expect(differenceOf(after, parameters[tensor.name] ?? [], { relative: 0, absolute: 1e-5 })).toBeUndefined();
    }
  });

  it('acts as the built-in network does, and notes the same', async () => {
    const own = new PpoLearner(settings, context);
    const custom = await customLearner(context);
    own.trainer.initialize(stream());
    copyParameters(own, custom);
    const size = space.kind === 'box' ? space.size : choiceCounts(space).length;
    const [left, right] = [own, custom].map((learner) => {
      const { memory, policy, state, trainer } = learner;
      const { observation, actions: places } = trainer.update.minibatch;
      const fields = [new Float32Array(1), new Int32Array(1)];
      fillMinibatch(learner, space);
      const step = actingStep(
        memory.buffer,
        places.action,
        { parameters: state.parameters, observation, fields, weightsVersion: 3 },
        size,
      );
      const actions = Array.from({ length: 20 }, () => {
        expect(policy.act(step)).toBe(true);
        return [...(space.kind === 'box' ? step.actionValues : step.action), fields[0]?.[0] ?? Number.NaN];
      });
      expect(fields[1]?.[0]).toBe(3);
      return actions.flat();
    });
    expect(differenceOf(right ?? [], left ?? [], { relative: 1e-4, absolute: 1e-5 })).toBeUndefined();
  });
});

describe('the values of a rollout', () => {
  it('are those of the network, in chunks as well', async () => {
    const { trainer, memory, workspace } = await customLearner(ppoContext({ kind: 'discrete', count: 4 }, inputs));
    trainer.initialize(stream());
    const { passes } = trainer.update;
    const { observation } = trainer.update.minibatch;
    new Float32Array(memory.buffer, observation, rows * inputs).set(uniformValues(rows * inputs, 12));
    const valuesOf = (first: number, count: number) => {
      passes.computeValues(observation + first * inputs * 4, count);
      return [...memory.floats(workspace.networkValues.values, count)];
    };
    const whole = valuesOf(0, rows);
    expect(differenceOf([...valuesOf(0, 4), ...valuesOf(4, rows - 4)], whole)).toBeUndefined();
    expect(new Set(whole).size).toBe(rows);
  });
});

describe('a custom network of PPO', () => {
  const space = { kind: 'box', size: 2, low: -1, high: 1 } as const;

  it('starts from parameters that the random stream decides, and σ = 1', async () => {
    const learner = await customLearner(ppoContext(space, inputs));
    const drawn = [1, 1, 2].map((seed) => {
      learner.trainer.initialize(RandomStream.named({ seed, role: 'initial-weights' }));
      return learner.block(learner.state.parameters).slice();
    });
    expect(drawn[1]).toEqual(drawn[0]);
    expect(drawn[2]).not.toEqual(drawn[0]);
    expect(learner.plan.parameters[0]).toMatchObject({ name: 'logStd', offset: 0, size: 2 });
    expect(drawn[0]?.subarray(0, 2)).toEqual(Float32Array.of(0, 0));
  });

  it('keeps no tensors over many training steps and actions', async () => {
    const learner = await customLearner(ppoContext(space, inputs));
    const { memory, trainer, policy, state } = learner;
    const { tf } = await startTensorFlow();
    trainer.initialize(stream());
    const fields = [new Float32Array(1), new Int32Array(1)];
    const { observation, actions } = trainer.update.minibatch;
    const work = (times: number) => {
      for (let time = 0; time < times; time++) {
        fillMinibatch(learner, space);
        trainer.update.step(rows);
        trainer.update.passes.computeValues(observation, 1);
        policy.act(
          actingStep(
            memory.buffer,
            actions.action,
            { parameters: state.parameters, observation, fields, weightsVersion: time },
            2,
          ),
        );
      }
      const { numTensors, numBytes } = tf.memory();
      return { numTensors, numBytes };
    };
    const before = work(10);
    expect(work(1_000)).toEqual(before);
  });

  it('must give both outputs', async () => {
    const wrong = { network: { module: fixture('dense.js') } };
    await expect(customLearner(ppoContext({ kind: 'discrete', count: 4 }, inputs), wrong)).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      message: expect.stringContaining(
        'The network gives [1, 4] for 1 observations, expected policy [1, 4] and value [1, 1].',
      ),
    });
  });
});
