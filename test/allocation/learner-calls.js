// What the subjects of single algorithms share: a learner with an action mask and observations in f32.
import { Layout } from '#marlin/buffer/layout.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import { RandomStream } from '#marlin/random.js';
import { printBytesPerCall } from './measure.js';

/** @type {AlgorithmContext} */
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

/**
 * An algorithm that learns from replayed transitions.
 * @template Configuration
 * @typedef {object} ReplayAlgorithm
 * @property {(configuration: Configuration, context: AlgorithmContext) => Awaitable<import('#marlin/algorithms/algorithm.js').AlgorithmPlan>} plan
 * @property {(configuration: Configuration, context: AlgorithmContext, kernels: Kernels, scratch: number) => Awaitable<import('#marlin/algorithms/algorithm.js').ActingPolicy>} createPolicy
 * @property {(configuration: Configuration, context: AlgorithmContext, kernels: Kernels, state: number, scratch: number) => Awaitable<import('#marlin/algorithms/algorithm.js').Trainer>} createTrainer
 */

/** @typedef {import('#marlin/algorithms/algorithm.js').AlgorithmContext} AlgorithmContext */
/** @typedef {import('#marlin/kernels/kernels.js').Kernels} Kernels */
/**
 * @template T
 * @typedef {import('#marlin/algorithms/algorithm.js').Awaitable<T>} Awaitable
 */

/**
 * Prints what a training step or an action leaves on the heap.
 * @template Configuration
 * @param {ReplayAlgorithm<Configuration>} algorithm
 * @param {Readonly<Record<string, Configuration>>} configurations by what the names of their calls begin with
 */
export async function printBytesPerLearnerCall(algorithm, configurations) {
  /** @type {Record<string, () => void>} */
  const calls = {};
  for (const [prefix, configuration] of Object.entries(configurations)) {
    const { act, step } = await learnerCalls(algorithm, configuration);
    Object.assign(calls, { [`${prefix}act`]: act, [`${prefix}step`]: step });
  }
  printBytesPerCall(calls);
}

/**
 * @template Configuration
 * @param {ReplayAlgorithm<Configuration>} algorithm
 * @param {Configuration} configuration
 */
async function learnerCalls(algorithm, configuration) {
  const plan = await algorithm.plan(configuration, context);
  const layout = new Layout(firstFreeByte);
  const state = layout.reserve(plan.stateBytes);
  const scratch = layout.reserve(plan.trainerScratchBytes);
  const policyScratch = layout.reserve(plan.policyScratchBytes);
  const kernels = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
  const trainer = await algorithm.createTrainer(configuration, context, kernels, state, scratch);
  const policy = await algorithm.createPolicy(configuration, context, kernels, policyScratch);
  const random = RandomStream.named({ seed: 1, role: 'test' });
  trainer.initialize(random);
  const { batch } = trainer;
  if (batch?.kind !== 'replay') throw new Error('It learns from no transitions.');
  const values = new Float32Array(kernels.memory.buffer, batch.observation, batch.size * batch.observationSize);
  values.forEach((_, index) => {
    values[index] = random.uniform() < 0.1 ? 1 : 0;
  });
  new Float32Array(kernels.memory.buffer, batch.weight, batch.size).fill(1);
  new Float64Array(kernels.memory.buffer, batch.returnDeviation, 1).fill(2);

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
      // Each with new weights: what is kept between versions is made anew too.
      step.weightsVersion++;
      policy.act(step);
    },
  };
}
