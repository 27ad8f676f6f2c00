import type { RingWindows } from '../buffer/ring-windows.js';
import { createPublisher } from '../buffer/weight-slots.js';
import type { WeightPublisher } from '../buffer/weights.js';
import type { LearnerWitness } from '../learner/learner.js';
import { Learner } from '../learner/learner.js';
import { LearnerState, committedParameters } from '../learner/learner-state.js';
import { createSampler } from './experience.js';
import type { OpenRun } from './open-run.js';
import { trainerOf } from './open-run.js';
import { figuresOf, kernelsOf, pinsOf, trainStepsOf } from './run-share.js';

/** What stands between a learner and the rest of the run, where that is not as usual. */
export interface LearnerSeams {
  /** What replay sees of the rings. */
  readonly windows?: RingWindows | undefined;
  readonly publisher?: ((usual: WeightPublisher) => WeightPublisher) | undefined;
  readonly witness?: LearnerWitness | undefined;
}

/** The learner of a policy, going on from the working state in its memory. */
export async function buildLearner(run: OpenRun, index: number, seams: LearnerSeams = {}): Promise<Learner> {
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
    windows: seams.windows,
  });
  const publisher = createPublisher(buffer, policy.weights, pinsOf(run, index), kernels);
  return new Learner({
    policyId: policy.id,
    trainer,
    sampler,
    random,
    state,
    publisher: seams.publisher?.(publisher) ?? publisher,
    committed: committedParameters(policy.learner),
    trainSteps: trainStepsOf(buffer, policy),
    figures: figuresOf(buffer, policy),
    sums: new Float64Array(buffer, policy.learner.sums, policy.learner.figureCount),
    metricNames: algorithmPlan.metricNames,
    publishInterval: policy.pace.publishInterval,
    commitsPartly: algorithmPlan.experience.kind !== 'rollout',
    witness: seams.witness,
  });
}
