import { debugLogOf } from '../debug-log.js';
import { LearnerLoop } from '../learner/learner-loop.js';
import { actorControls, learnerControls, mainDoorbell } from './run-memory.js';
import type { RunShare } from './run-share.js';
import { buildLearner } from './learner-wiring.js';
import { openRun } from './open-run.js';
import { recordedLearner, scheduleWriter } from './recording.js';
import { isLockstep, meetingOf, turnsOf } from './run-share.js';
import { observeWorker } from './thread-probes.js';

export interface LearnerTask {
  readonly share: RunShare;
  /** Number of the learner worker. */
  readonly worker: number;
}

/** The work of a learner thread: trains the policies that the plan gives it, until nothing is owed. */
export async function runLearner({ share, worker }: LearnerTask): Promise<void> {
  const { plan } = share;
  const log = debugLogOf(`learner-${worker}`);
  observeWorker(share, plan.memory.traces?.learners[worker], log);
  log?.(`started: trains ${plan.learnerWorkers[worker].length} policies`);
  const run = await openRun(share);
  const control = learnerControls(share)[worker];
  const schedule = scheduleWriter(share, plan.memory.schedules?.learners[worker], control);
  const shares = plan.learnerWorkers[worker].map(async (index) => {
    const { priority, pace } = plan.policies[index];
    const { rate, maxTrainingLag } = pace;
    const learner = await buildLearner(run, index, recordedLearner(share, index, schedule));
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
