import { ActorLoop } from '../actor/actor-loop.js';
import type { Doorbell } from '../buffer/doorbell.js';
import { RecordQueue } from '../buffer/record-queue.js';
import { debugLogOf } from '../debug-log.js';
import { createEnvironment } from './environments.js';
import { actorControls, learnerControls, mainDoorbell } from './run-memory.js';
import type { RunPlan } from './run-plan.js';
import type { RunShare } from './run-share.js';
import { buildActor } from './actor-wiring.js';
import { openRun } from './open-run.js';
import { recordedActor, recordedEnd, scheduleWriter } from './recording.js';
import { isCheckpointEpoch, isLockstep, turnsOf } from './run-share.js';
import { actorName } from './thread-names.js';
import { observeWorker } from './thread-probes.js';

export interface ActorTask {
  readonly share: RunShare;
  /** Number of the actor, and of its environment copy. */
  readonly actor: number;
}

/**
 * A checkpoint holds the run as it is at its report. In lockstep, what an evaluation copies must not depend on when the
 * main thread gets to it.
 */
function isReportAwaited(plan: RunPlan, epoch: number, isAtGoal: boolean): boolean {
  const { evaluateEvery } = plan.configuration.experiment;
  return isCheckpointEpoch(plan, epoch, isAtGoal) || (isLockstep(plan) && epoch % evaluateEvery === 0);
}

/** The work of an actor thread: makes its own environment and plays it to the end. */
export async function runActor({ share, actor: index }: ActorTask): Promise<void> {
  const { plan } = share;
  const control = actorControls(share)[index];
  const schedule = scheduleWriter(share, plan.memory.schedules?.actors[index], control);
  const log = debugLogOf(actorName(index));
  observeWorker(share, plan.memory.traces?.actors[index], log);
  log?.(`started: plays ${plan.agents.length} agents`);
  const environment = await createEnvironment(plan.environment);
  try {
    // The actor reports through the loop, which is built around the actor.
    let loop: ActorLoop | undefined;
    const report = (row: Float64Array): void => loop?.report(row);
    const seams = recordedActor(schedule);
    const { actor, links } = await buildActor(await openRun(share), index, environment, report, seams);
    loop = new ActorLoop({
      actor,
      links,
      turns: turnsOf(share, index),
      control,
      learners: learnerControls(share).map(({ doorbell }): Doorbell => doorbell),
      main: mainDoorbell(share),
      reports: new RecordQueue(share.runMemory, plan.memory.reports[index]),
      isAwaited: (epoch) => isReportAwaited(plan, epoch, actor.isAtGoal),
      witness: schedule && recordedEnd(schedule),
    });
    loop.run();
    log?.(`ended after ${actor.turns} turns`);
  } finally {
    environment.dispose?.();
  }
}
