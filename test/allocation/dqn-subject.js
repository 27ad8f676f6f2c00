// DQN alone, with an action mask and observations in f32.
import * as v from 'valibot';
import { dqn } from '#marlin/algorithms/dqn.js';
import { Layout } from '#marlin/buffer/layout.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import { RandomStream } from '#marlin/random.js';
import { printBytesPerCall } from './measure.js';

/** @type {import('#marlin/algorithms/algorithm.js').AlgorithmContext} */
const context = {
  agent: {
    id: 'agent-0',
    observation: { size: 20, dtype: 'f32' },
    action: { kind: 'discrete', count: 4 },
    hasActionMask: true,
  },
  batchSize: 8,
  rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
};

/** @param {{ readonly kind: 'none' | 'categorical' }} distribution */
function callsOf(distribution) {
  const configuration = v.parse(dqn.schema, { frameStack: 1, hiddenSizes: [8, 8], distribution });
  const plan = dqn.plan(configuration, context);
  const layout = new Layout(firstFreeByte);
  const state = layout.reserve(plan.stateBytes);
  const scratch = layout.reserve(plan.trainerScratchBytes);
  const policyScratch = layout.reserve(plan.policyScratchBytes);
  const kernels = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
  const trainer = dqn.createTrainer(configuration, context, kernels, state, scratch);
  const policy = dqn.createPolicy(configuration, context, kernels, policyScratch);
  const random = RandomStream.named({ seed: 1, role: 'test' });
  trainer.initialize(random);
  const { batch } = trainer;
  const values = new Float32Array(kernels.memory.buffer, batch.observation, batch.size * batch.observationSize);
  values.forEach((_, index) => {
    values[index] = random.uniform() < 0.1 ? 1 : 0;
  });
  new Float32Array(kernels.memory.buffer, batch.weight, batch.size).fill(1);

  /** @type {import('#marlin/algorithms/algorithm.js').ActingStep} */
  const step = {
    parameters: state,
    weightsVersion: 0,
    observation: batch.observation,
    legal: undefined,
    actionOffset: batch.action,
    action: new Int32Array(kernels.memory.buffer, batch.action, 1),
    actionValues: new Float32Array(kernels.memory.buffer, batch.action, 1),
    fields: [],
    isGreedy: false,
    random,
  };
  return {
    step: () => {
      trainer.step();
    },
    act: () => {
      policy.act(step);
    },
  };
}

const { step: step51, act: act51 } = callsOf({ kind: 'categorical' });
printBytesPerCall({ ...callsOf({ kind: 'none' }), step51, act51 });
