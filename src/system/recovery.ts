import { RingWriter } from '../buffer/ring-writer.js';
import { ringControl, ringControlView } from '../buffer/ring-plan.js';
import { newestVersion } from '../buffer/weight-slots.js';
import { LearnerState } from '../learner/learner-state.js';
import { runColumns } from '../metrics/epoch-row.js';
import { faultRecord } from '../metrics/fault-record.js';
import type { FaultRecord, TrainingRecord } from '../metrics/record.js';
import { eventKind } from '../schedule/schedule-format.js';
import type { ActorTask } from './actor-thread.js';
import type { LearnerTask } from './learner-thread.js';
import type { RunMonitor } from './run-monitor.js';
import type { RunShare } from './run-share.js';
import { kernelsOf, pinsOf, trainStepsOf, turnsOf } from './run-share.js';
import type { ScheduleFiles } from './schedule-files.js';
import { actorName, learnerName } from './thread-names.js';

/** What recovering needs of a run. */
export interface RecoveryParts {
  readonly share: RunShare;
  readonly monitor: RunMonitor;
  readonly schedule: ScheduleFiles | undefined;
  readonly emit: (record: TrainingRecord) => void;
}

/**
 * Makes memory ready for a thread that takes the place of one that is gone, and says so in the records and the schedule.
 * Of a dead thread there is nothing left but what it wrote to shared memory.
 */
export class Recovery {
  readonly #parts: RecoveryParts;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /** A learner's successor makes its working state whole itself, see `LearnerState.recover`. */
  learner(worker: number, error: Error): LearnerTask {
    const { share, schedule } = this.#parts;
    let lost = 0;
    const heads: number[] = [];
    const name = learnerName(worker);
    schedule?.beginLife(name);
    for (const index of share.plan.learnerWorkers[worker]) {
      const policy = share.plan.policies[index];
      const { buffer } = share.policyMemories[index];
      const trainSteps = new LearnerState(buffer, policy.learner, kernelsOf(share, index)).recoverableTrainSteps();
      const head = headOf(share, index);
      lost += trainStepsOf(buffer, policy).value() - trainSteps;
      heads.push(head);
      schedule?.note(name, eventKind.learnerStart, index, [trainSteps, newestVersion(buffer, policy.weights), head]);
    }
    this.#emit(name, error, { train_steps_lost: Math.max(0, lost) });
    return { share, worker, heads };
  }

  /** To be called once all its reports have been taken, and while no learner looks. */
  actor(actor: number, error: Error): ActorTask {
    const { share, schedule, monitor } = this.#parts;
    const start = monitor.actorStart();
    const turns = monitor.turnsOfEpochs;
    const name = actorName(actor);
    schedule?.beginLife(name);
    for (const index of share.plan.policies.keys()) {
      const pin = pinsOf(share, index)[actor];
      // Its learner would otherwise wait for a reader that never lets go.
      Atomics.store(pin.words, pin.index, 0);
      // Before the note: the next thread may be gone before it comes to take them back itself, and who repeats the run takes
      // a thread to have written what it says.
      if (isRollout(share, index)) ringWriter(share, index, actor).rewind(turns);
      schedule?.note(name, eventKind.actorStart, index, [start.row[runColumns.epochs], headOf(share, index, actor)]);
      cutShort(share, index, actor);
    }
    // A turn is counted once its report has been taken: one that died in between has lost none.
    this.#emit(name, error, { turns_lost: Math.max(0, turnsOf(share, actor).value() - turns) });
    return { share: { ...share, start }, actor };
  }

  #emit(worker: string, error: Error, lost: Partial<FaultRecord>): void {
    this.#parts.emit(faultRecord(worker, error, true, lost));
  }
}

/** Position behind the last row of a policy's ring. */
function headOf(share: RunShare, index: number, actor = 0): number {
  const { rings } = share.plan.policies[index];
  return Atomics.load(ringControlView(share.policyMemories[index].buffer, rings, actor), ringControl.head);
}

/** Ends the episode in which an actor died. Half a rollout is taken back instead. */
export function cutShort(share: RunShare, index: number, actor: number): void {
  if (!isRollout(share, index)) ringWriter(share, index, actor).cutShort();
}

function isRollout({ plan }: RunShare, index: number): boolean {
  return plan.policies[index].algorithmPlan.experience.kind === 'rollout';
}

function ringWriter(share: RunShare, index: number, actor: number): RingWriter {
  const { rings } = share.plan.policies[index];
  return new RingWriter(share.policyMemories[index].buffer, rings, actor, kernelsOf(share, index));
}
