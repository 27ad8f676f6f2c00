import type { ActorWitness } from '../actor/actor-loop.js';
import { ByteQueue } from '../buffer/byte-queue.js';
import type { ByteQueuePlan } from '../buffer/byte-queue.js';
import type { Doorbell } from '../buffer/doorbell.js';
import type { WorkerControl } from '../buffer/worker-control.js';
import { command } from '../buffer/worker-control.js';
import { LearnerState } from '../learner/learner-state.js';
import { publishWait, waitStartMs } from '../metrics/probes.js';
import { RecordedFigures, RecordedReader } from '../schedule/recorded-actor.js';
import { RecordedLearner, RecordedPublisher, RecordedWindows } from '../schedule/recorded-learner.js';
import { eventKind, numbersPerStep } from '../schedule/schedule-format.js';
import { ScheduleWriter } from '../schedule/schedule-writer.js';
import type { ActorSeams } from './actor-wiring.js';
import type { LearnerSeams } from './learner-wiring.js';
import { mainDoorbell } from './run-memory.js';
import type { PolicyPlan } from './policy-plan.js';
import type { RunShare } from './run-share.js';
import { figuresOf, kernelsOf } from './run-share.js';

/** A sleep ends by a ring; the time-out only bounds what a lost ring would cost. */
const sleepMs = 1_000;

/** The writer of a thread's schedule; undefined where the run is not recorded. */
export function scheduleWriter(
  share: RunShare,
  plan: ByteQueuePlan | undefined,
  control: WorkerControl,
): ScheduleWriter | undefined {
  if (plan === undefined) return undefined;
  const main: Doorbell = mainDoorbell(share);
  const isAborted = (): boolean => control.command === command.abort;
  return new ScheduleWriter(new ByteQueue(share.runMemory, plan), {
    call: () => main.ring(),
    waitUntil(hasRoom) {
      while (!hasRoom()) {
        if (isAborted()) return false;
        const startMs = waitStartMs();
        control.doorbell.sleepUnless(() => hasRoom() || isAborted(), sleepMs);
        publishWait('room', startMs);
      }
      return true;
    },
  });
}

/** Writes down what an actor sees of its learners. */
export function recordedActor(writer: ScheduleWriter | undefined): ActorSeams {
  if (writer === undefined) return {};
  return {
    reader: (policy, usual) => new RecordedReader(usual, writer, policy),
    figures: (policy, usual) => new RecordedFigures(usual, writer, policy),
  };
}

/** Writes down when an actor ended. */
export function recordedEnd(writer: ScheduleWriter): ActorWitness {
  return {
    finished(turns) {
      writer.begin(eventKind.end, 0);
      writer.number(turns);
      writer.end();
    },
  };
}

/** Numbers by which the steps of a policy are recorded; undefined where they need none: rollouts. */
export function stepNumbersOf({ algorithmPlan, rings }: PolicyPlan): number | undefined {
  const { experience } = algorithmPlan;
  if (experience.kind !== 'replay') return undefined;
  return numbersPerStep(rings.rings, experience.priorities !== undefined);
}

/**
 * Writes down what the learner of a policy sees of its rings, and what it publishes.
 * @param head where its thread takes the place of one that died: the head of its ring from which looks are counted
 */
export function recordedLearner(
  share: RunShare,
  index: number,
  writer: ScheduleWriter | undefined,
  head?: number,
): LearnerSeams {
  if (writer === undefined) return {};
  const policy = share.plan.policies[index];
  const { buffer } = share.policyMemories[index];
  const numbers = stepNumbersOf(policy);
  const windows =
    numbers === undefined ? undefined : new RecordedWindows(buffer, policy.rings, policy.algorithmPlan.frames, head);
  const figures = figuresOf(buffer, policy);
  const steps = new LearnerState(buffer, policy.learner, kernelsOf(share, index)).savedProgress().trainSteps;
  const { figureCount } = policy.learner;
  const witness = new RecordedLearner(writer, index, windows, numbers ?? 0, figures, figureCount, steps);
  return { windows, witness, publisher: (usual) => new RecordedPublisher(usual, witness) };
}
