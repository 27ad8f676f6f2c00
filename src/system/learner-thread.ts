import { debugLogOf } from '../debug-log.js';
import { LearnerLoop } from '../learner/learner-loop.js';
import { LearnerState } from '../learner/learner-state.js';
import { actorControls, learnerControls, mainDoorbell } from './run-memory.js';
import type { RunShare } from './run-share.js';
import { buildLearner } from './learner-wiring.js';
import { openRun } from './open-run.js';
import { recordedLearner, scheduleWriter } from './recording.js';
import { isLockstep, kernelsOf, meetingOf, turnsOf } from './run-share.js';
import { learnerName } from './thread-names.js';
import { observeWorker } from './thread-probes.js';

export interface LearnerTask {
  readonly share: RunShare;
  /** Number of the learner worker. */
  readonly worker: number;
  /** Where this thread takes the place of one that died: the heads of its policies' rings when it was begun. */
  readonly heads?: readonly number[] | undefined;
}

/** The work of a learner thread: trains the policies that the plan gives it, until nothing is owed. */
export async function runLearner({ share, worker, heads }: LearnerTask): Promise<void> {
  const { plan } = share;
  const log = debugLogOf(learnerName(worker));
  observeWorker(share, plan.memory.traces?.learners[worker], log);
  log?.(`started: trains ${plan.learnerWorkers[worker].length} policies`);
  const run = await openRun(share);
  const control = learnerControls(share)[worker];
  const schedule = scheduleWriter(share, plan.memory.schedules?.learners[worker], control);
  const shares = plan.learnerWorkers[worker].map(async (index, place) => {
    const { priority, pace, learner: state } = plan.policies[index];
    const { rate, maxTrainingLag } = pace;
    const kernels = kernelsOf(share, index);
    // Before anything is built on the working state, which may be half a step.
    if (heads !== undefined) new LearnerState(kernels.memory.buffer, state, kernels).recover();
    const learner = await buildLearner(run, index, recordedLearner(share, index, schedule, heads?.[place]));
    if (heads !== undefined) learner.takeOver();
    return { learner, priority, rate, maxTrainingLag };
  });
  const loop = new LearnerLoop({
    shares: await Promise.all(shares),
    turns: plan.memory.turns.map((_, actor) => turnsOf(share, actor)),
    actors: actorControls(share),
    control,
    main: mainDoorbell(share),
    meeting: isLockstep(plan) ? meetingOf(share, worker) : undefined,
  });
  loop.run();
  log?.('ended');
}
