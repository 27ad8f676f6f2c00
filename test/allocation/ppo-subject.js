// PPO alone: choices with a mask, and a box. Every second training step begins a rollout.
import * as v from 'valibot';
import { ppo } from '#marlin/algorithms/ppo.js';
import { Layout } from '#marlin/buffer/layout.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import { RandomStream } from '#marlin/random.js';
import { printBytesPerCall } from './measure.js';

/**
 * @param {import('#marlin/environment/environment.js').ActionSpace} action
 * @param {number} actionSize
 */
function subjectOf(action, actionSize) {
  /** @type {import('#marlin/algorithms/algorithm.js').AlgorithmContext} */
  const context = {
    agent: { id: 'agent-0', observation: { size: 20, dtype: 'f32' }, action, hasActionMask: action.kind !== 'box' },
    batchSize: 8,
    rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
  };
  const configuration = v.parse(ppo.schema, { hiddenSizes: [8, 8], rolloutTurns: 12, minibatchSize: 8, passes: 1 });
  const plan = ppo.plan(configuration, context);
  const layout = new Layout(firstFreeByte);
  const state = layout.reserve(plan.stateBytes);
  const scratch = layout.reserve(plan.trainerScratchBytes);
  const policyScratch = layout.reserve(plan.policyScratchBytes);
  const kernels = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
  const { buffer } = kernels.memory;
  const trainer = ppo.createTrainer(configuration, context, kernels, state, scratch);
  const policy = ppo.createPolicy(configuration, context, kernels, policyScratch);
  const random = RandomStream.named({ seed: 1, role: 'test' });
  trainer.initialize(random);
  const { batch } = trainer;
  const observations = new Float32Array(buffer, batch.observation, batch.size * batch.observationSize);
  observations.forEach((_, index) => {
    observations[index] = random.uniform();
  });
  if (batch.legal !== undefined) new Uint8Array(buffer, batch.legal, batch.size * batch.maskSize).fill(1);
  new Uint8Array(buffer, batch.end, batch.size).fill(1);
  const versions = new Int32Array(buffer, batch.fields[1], batch.size);
  const step = {
    parameters: state,
    weightsVersion: 0,
    observation: batch.observation,
    legal: batch.legal,
    actionOffset: batch.action,
    action: new Int32Array(buffer, batch.action, actionSize),
    actionValues: new Float32Array(buffer, batch.action, actionSize),
    fields: [new Float32Array(1), new Int32Array(1)],
    isGreedy: false,
    random,
  };
  let steps = 0;
  return {
    step: () => {
      if (steps++ % 2 === 0) versions.fill(steps);
      trainer.step();
    },
    act: () => {
      policy.act(step);
    },
  };
}

const choices = subjectOf({ kind: 'multi-discrete', counts: [4, 3] }, 2);
const box = subjectOf({ kind: 'box', size: 2, low: -1, high: 1 }, 2);

printBytesPerCall({
  'choice-act': choices.act,
  'choice-step': choices.step,
  'box-act': box.act,
  'box-step': box.step,
});
