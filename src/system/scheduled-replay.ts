import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextEvents } from 'node:timers/promises';
import type { TurnEnvironment } from '../environment/environment.js';
import { MarlinError } from '../errors.js';
import { committedParameters } from '../learner/learner-state.js';
import { Difference } from '../schedule/difference.js';
import { ReplayedFigures, ReplayedReader, versionsActedBy } from '../schedule/replayed-actor.js';
import type { RingMemory } from '../schedule/replayed-learner.js';
import { ReplayedPublisher, ReplayedWindows } from '../schedule/replayed-learner.js';
import { ReplayedPolicy } from '../schedule/replayed-policy.js';
import { eventKind } from '../schedule/schedule-format.js';
import { ScheduleStream } from '../schedule/schedule-reader.js';
import { buildActor } from './actor-wiring.js';
import { buildLearner } from './learner-wiring.js';
import type { OpenRun } from './open-run.js';
import type { PolicyPlan } from './policy-plan.js';
import { stepNumbersOf } from './recording.js';
import { runFiles } from './run-files.js';
import { figuresOf } from './run-share.js';
import { scheduleFile } from './schedule-files.js';

/** The schedules of a run, by thread. */
export interface RecordedStreams {
  readonly actor: Uint8Array;
  readonly learners: readonly Uint8Array[];
}

/** @throws MarlinError `ERR_SCHEDULE` where there are none */
export async function readStreams(directory: string): Promise<RecordedStreams> {
  try {
    const files = await readdir(join(directory, runFiles.schedule));
    const learners = files.filter((file) => file.startsWith('learner-')).length;
    const read = async (thread: string): Promise<Uint8Array> => readFile(scheduleFile(directory, thread));
    return {
      actor: await read('actor-0'),
      learners: await Promise.all(Array.from({ length: learners }, async (_, worker) => read(`learner-${worker}`))),
    };
  } catch (cause) {
    const message = `${directory} has no schedule that it could be reproduced by: ${(cause as Error).message}`;
    throw new MarlinError('ERR_SCHEDULE', message, { cause });
  }
}

/** The rings of a policy lie between its learner's state and its weights. */
function ringMemoryOf(buffer: SharedArrayBuffer, { learner, weights }: PolicyPlan): RingMemory {
  const memory = new Uint8Array(buffer);
  const [first, end] = [learner.committed + learner.bytes, weights.control];
  return {
    capture: () => memory.slice(first, end),
    restore: (bytes) => memory.set(bytes, first),
  };
}

/** Longest stretch of work between two looks at the event loop, in milliseconds. */
const yieldMs = 50;

/** Plays an asynchronous run once more on the calling thread, in the order in which its schedule says who saw what. */
export class ScheduledReplay {
  /** Turns played. */
  turns = 0;
  readonly #run: OpenRun;
  readonly #streams: RecordedStreams;
  readonly #endTurns: number;

  /** @param endTurns turns after which the recorded run ended */
  constructor(run: OpenRun, streams: RecordedStreams, endTurns: number) {
    this.#run = run;
    this.#streams = streams;
    this.#endTurns = endTurns;
  }

  /**
   * Plays to the recorded end.
   * @param report takes the row of an epoch; the array is reused
   * @throws Difference saying in whose training it is, where it is in one
   */
  async play(environment: TurnEnvironment, report: (row: Float64Array) => void): Promise<void> {
    const run = this.#run;
    const streams = this.#streams;
    const stepNumbers = run.plan.policies.map((policy) => stepNumbersOf(policy) ?? 0);
    const actorStream = new ScheduleStream(streams.actor, 'schedule/actor-0.bin', stepNumbers);
    const policies = await Promise.all(
      run.plan.policies.map(async (_, index) =>
        this.#replayedPolicy(index, streams.learners, actorStream, stepNumbers),
      ),
    );
    const { actor } = await buildActor(run, 0, environment, report, {
      reader: (index) => {
        const { weights, actors } = run.plan.policies[index];
        const { buffer } = run.policyMemories[index];
        const published = this.#located(index, (version) => policies[index].weights(version));
        return new ReplayedReader(buffer, actors[0].readerScratch, weights.bytes, actorStream, index, published);
      },
      figures: (index) => {
        const { figureCount } = run.plan.policies[index].learner;
        const posted = this.#located(index, (steps) => policies[index].figures(steps));
        return new ReplayedFigures(figureCount, actorStream, index, posted);
      },
    });
    const training = policies.map((policy, index) => this.#located(index, () => policy.train()));
    let yieldedMs = performance.now();
    while (!actor.finished && actor.turns < this.#endTurns) {
      actor.playTurn();
      this.turns = actor.turns;
      for (const train of training) train(0);
      if (performance.now() - yieldedMs < yieldMs) continue;
      await nextEvents();
      yieldedMs = performance.now();
    }
    actor.reportEnd();
    for (const [index, policy] of policies.entries()) this.#located(index, () => policy.finish())(0);
    const recorded = actorStream.last(0, eventKind.end)?.numbers[0];
    if (recorded !== actor.turns) throw new Difference(`the recorded actor ended after ${recorded}`);
  }

  async #replayedPolicy(
    index: number,
    learnerFiles: readonly Uint8Array[],
    actorStream: ScheduleStream,
    stepNumbers: readonly number[],
  ): Promise<ReplayedPolicy> {
    const run = this.#run;
    const policy = run.plan.policies[index];
    const { buffer } = run.policyMemories[index];
    const worker = run.plan.learnerWorkers.findIndex((served) => served.includes(index));
    const stream = new ScheduleStream(learnerFiles[worker], `schedule/learner-${worker}.bin`, stepNumbers);
    const { rings, algorithmPlan, learner: plan, weights } = policy;
    const windows =
      algorithmPlan.experience.kind === 'replay'
        ? new ReplayedWindows(buffer, rings, algorithmPlan.frames, stepNumbers[index], ringMemoryOf(buffer, policy))
        : undefined;
    const figures = figuresOf(buffer, policy);
    const initial = committedParameters(plan);
    const publisher = new ReplayedPublisher(
      buffer,
      weights.bytes,
      initial,
      versionsActedBy(actorStream, index),
      stream,
      index,
      figures,
      plan.figureCount,
    );
    const learner = await buildLearner(run, index, { windows, publisher: () => publisher, witness: publisher });
    return new ReplayedPolicy({ learner, publisher, windows, stream, index });
  }

  /** The same, but a difference says whose it is. */
  #located<Result>(index: number, work: (asked: number) => Result): (asked: number) => Result {
    return (asked) => {
      try {
        return work(asked);
      } catch (error) {
        if (!(error instanceof Difference) || error.isLocated) throw error;
        throw error.at(`in the training of ${this.#run.plan.policies[index].id}: `);
      }
    };
  }
}
