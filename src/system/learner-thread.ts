import { LearnerLoop } from '../learner/learner-loop.js';
import { actorControls, learnerControls } from './run-memory.js';
import type { RunShare } from './wiring.js';
import { buildLearner, turnsOf } from './wiring.js';

export interface LearnerWorkerData {
  readonly share: RunShare;
  /** Number of the learner worker. */
  readonly worker: number;
}

/** The work of a learner thread: trains the policies that the plan gives it, until nothing is owed. */
export function runLearner({ share, worker }: LearnerWorkerData): void {
  const { plan } = share;
  const loop = new LearnerLoop({
    shares: plan.learnerWorkers[worker].map((policy) => ({
      learner: buildLearner(share, policy),
      priority: plan.policies[policy].priority,
    })),
    rate: plan.configuration.parallel,
    maxTrainingLag: plan.configuration.parallel.maxTrainingLag,
    turns: plan.memory.turns.map((_, actor) => turnsOf(share, actor)),
    actors: actorControls(share),
    control: learnerControls(share)[worker],
  });
  loop.run();
}
