import { initializeRings } from '../buffer/ring-plan.js';
import { createPublisher, initializeWeights } from '../buffer/weight-slots.js';
import { createKernelMemory, kernelModule } from '../kernels/kernels.js';
import { LearnerState, committedParameters } from '../learner/learner-state.js';
import { RandomStream } from '../random.js';
import { initializeSampler } from './experience.js';
import type { OpenRun } from './open-run.js';
import { openRun, trainerOf } from './open-run.js';
import type { RunPlan } from './run-plan.js';
import type { RunShare } from './run-share.js';
import { kernelsOf } from './run-share.js';

/** Allocates all memory of a run and writes the untrained state of every policy as version 0. */
export async function allocateRun(plan: RunPlan): Promise<RunShare> {
  const share: RunShare = {
    plan,
    runMemory: new SharedArrayBuffer(plan.memory.bytes),
    policyMemories: plan.policies.map((policy) => createKernelMemory(policy.bytes)),
    kernelModule: kernelModule(),
    start: undefined,
  };
  const run = await openRun(share);
  for (const index of plan.policies.keys()) await initializePolicy(run, index);
  return share;
}

async function initializePolicy(run: OpenRun, index: number): Promise<void> {
  const { seed } = run.plan.configuration.experiment;
  const policy = run.plan.policies[index];
  const kernels = kernelsOf(run, index);
  const buffer = kernels.memory.buffer;
  initializeRings(buffer, policy.rings);
  initializeWeights(buffer, policy.weights);
  const trainer = await trainerOf(run, index, kernels);
  trainer.initialize(RandomStream.named({ seed, role: 'initial-weights', agent: policy.id }));
  initializeSampler(buffer, policy.algorithmPlan.experience, policy.rings, policy.learner.sampler);
  new LearnerState(buffer, policy.learner, kernels).commit(
    RandomStream.named({ seed, role: 'replay', agent: policy.id }),
    0,
  );
  createPublisher(buffer, policy.weights, [], kernels).tryPublish(committedParameters(policy.learner));
}
