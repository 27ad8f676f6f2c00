import { LearnerLoop } from '../learner/learner-loop.js';
import { actorControls, learnerControls } from './run-memory.js';
import { isLockstep } from './run-plan.js';
import type { RunShare } from './wiring.js';
import { buildLearner, meetingOf, openRun, turnsOf } from './wiring.js';

export interface LearnerWorkerData {
  readonly share: RunShare;
  /** Number of the learner worker. */
  readonly worker: number;
}

/** The work of a learner thread: trains the policies that the plan gives it, until nothing is owed. */
export async function runLearner({ share, worker }: LearnerWorkerData): Promise<void> {
  const { plan } = share;
  const run = await openRun(share);
  const shares = plan.learnerWorkers[worker].map(async (index) => {
    const { priority, pace } = plan.policies[index];
    const { rate, maxTrainingLag } = pace;
    return { learner: await buildLearner(run, index), priority, rate, maxTrainingLag };
  });
  const loop = new LearnerLoop({
    shares: await Promise.all(shares),
    turns: plan.memory.turns.map((_, actor) => turnsOf(share, actor)),
    actors: actorControls(share),
    control: learnerControls(share)[worker],
    meeting: isLockstep(plan) ? meetingOf(share, worker) : undefined,
  });
  loop.run();
}
