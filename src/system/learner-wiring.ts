import { createPublisher } from '../buffer/weight-slots.js';
import { Learner } from '../learner/learner.js';
import { LearnerState, committedParameters } from '../learner/learner-state.js';
import { createSampler } from './experience.js';
import type { OpenRun } from './open-run.js';
import { trainerOf } from './open-run.js';
import { figuresOf, kernelsOf, pinsOf, trainStepsOf } from './run-share.js';

/** The learner of a policy, going on from the working state in its memory. */
export async function buildLearner(run: OpenRun, index: number): Promise<Learner> {
  const policy = run.plan.policies[index];
  const { algorithmPlan } = policy;
  const kernels = kernelsOf(run, index);
  const buffer = kernels.memory.buffer;
  const state = new LearnerState(buffer, policy.learner, kernels);
  const trainer = await trainerOf(run, index, kernels);
  const random = state.savedRandom();
  const sampler = createSampler({
    kernels,
    algorithmPlan,
    observationScale: policy.context.agent.observation.scale ?? 1,
    rings: policy.rings,
    plan: policy.sampler,
    trainer,
    state: policy.learner.sampler,
    random,
  });
  return new Learner({
    policyId: policy.id,
    trainer,
    sampler,
    random,
    state,
    publisher: createPublisher(buffer, policy.weights, pinsOf(run, index), kernels),
    committed: committedParameters(policy.learner),
    trainSteps: trainStepsOf(buffer, policy),
    figures: figuresOf(buffer, policy),
    metricNames: algorithmPlan.metricNames,
    publishInterval: policy.pace.publishInterval,
  });
}
