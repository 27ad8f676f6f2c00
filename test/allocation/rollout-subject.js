// A rollout of actions in a box: its turns, and its way from the ring to the trainer.
import { createSampler } from '#marlin/system/experience.js';
import { resolveConfiguration } from '#marlin/system/configuration.js';
import { planRun } from '#marlin/system/run-plan.js';
import { buildActor } from '#marlin/system/actor-wiring.js';
import { openRun } from '#marlin/system/open-run.js';
import { allocateRun } from '#marlin/system/run-allocation.js';
import { instantiateKernels } from '#marlin/kernels/kernels.js';
import { algorithmState } from '#marlin/learner/learner-state.js';
import { RandomStream } from '#marlin/random.js';
import { printBytesPerCall } from './measure.js';

const rolloutTurns = 10;

/** @type {import('#marlin/environment/environment.js').TurnEnvironment} */
const environment = {
  agents: [
    {
      id: 'agent-0',
      observation: { size: 3, dtype: 'f32' },
      action: { kind: 'box', size: 2, low: -1, high: 1 },
    },
  ],
  rewards: new Float32Array(1),
  terminated: new Uint8Array(1),
  truncated: new Uint8Array(1),
  done: false,
  reset() {},
  beginTurn() {},
  observe(_, out) {
    out.fill(0.5);
  },
  act(_, action) {
    this.rewards[0] = typeof action === 'number' ? 0 : action[0];
  },
  endTurn() {},
};

// One epoch outlasts the measurement: an epoch's begin and end may leave something.
const maxTurns = 10_000_000;
const configuration = resolveConfiguration({
  environment: 'treasurehunt',
  agents: { algorithm: { name: 'ppo', hiddenSizes: [8], frameStack: 2, rolloutTurns, minibatchSize: 10, passes: 1 } },
  parallel: { bufferCapacity: 1_000 },
});
const plan = await planRun(configuration, { reference: 'treasurehunt', options: {}, maxTurns }, environment.agents);
const run = await openRun(await allocateRun(plan));
const { actor } = await buildActor(run, 0, environment, () => {});
const [policy] = plan.policies;
const [algorithm] = run.algorithms;
const kernels = instantiateKernels(run.kernelModule, run.policyMemories[0]);
const state = algorithmState(policy.learner);
const { context, trainerScratch } = policy;
const sampler = createSampler({
  kernels,
  algorithmPlan: policy.algorithmPlan,
  observationScale: 1,
  rings: policy.rings,
  plan: policy.sampler,
  trainer: await algorithm.createTrainer(policy.algorithm, context, kernels, state, trainerScratch),
  state: policy.learner.sampler,
  random: RandomStream.named({ seed: 1, role: 'test' }),
});

printBytesPerCall({
  take: () => {
    for (let turn = 0; turn < rolloutTurns; turn++) actor.playTurn();
    if (!sampler.ready()) throw new Error('A rollout is not there.');
    sampler.sample();
    sampler.learned();
  },
});
