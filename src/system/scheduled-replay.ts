import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextEvents } from 'node:timers/promises';
import type { TurnEnvironment } from '../environment/environment.js';
import { MarlinError } from '../errors.js';
import { committedParameters } from '../learner/learner-state.js';
import { Difference } from '../schedule/difference.js';
import { LimitedWriter, ReplayedFigures, ReplayedReader, versionsActedBy } from '../schedule/replayed-actor.js';
import type { RingMemory } from '../schedule/replayed-learner.js';
import { ReplayedPublisher, ReplayedWindows } from '../schedule/replayed-learner.js';
import { ReplayedPolicy } from '../schedule/replayed-policy.js';
import { eventKind } from '../schedule/schedule-format.js';
import { ScheduleStream } from '../schedule/schedule-reader.js';
import { buildActor } from './actor-wiring.js';
import { createEnvironment } from './environments.js';
import { buildLearner } from './learner-wiring.js';
import type { OpenRun } from './open-run.js';
import type { PolicyPlan } from './policy-plan.js';
import { stepNumbersOf } from './recording.js';
import { cutShort } from './recovery.js';
import { runFiles } from './run-files.js';
import type { RunMonitor } from './run-monitor.js';
import { figuresOf } from './run-share.js';
import { scheduleFile } from './schedule-files.js';
import { actorName, learnerName } from './thread-names.js';

/** The schedules of a run, by thread: that of the first one of its name, then those of the ones that took its place. */
export interface RecordedStreams {
  readonly actor: readonly Uint8Array[];
  readonly learners: readonly (readonly Uint8Array[])[];
}

/** @throws MarlinError `ERR_SCHEDULE` where there are none */
export async function readStreams(directory: string): Promise<RecordedStreams> {
  try {
    const files = await readdir(join(directory, runFiles.schedule));
    const read = async (thread: string): Promise<Uint8Array[]> => {
      const lives = files.filter((file) => file === `${thread}.bin` || file.startsWith(`${thread}.`)).length;
      return Promise.all(
        Array.from({ length: Math.max(1, lives) }, async (_, life) => readFile(scheduleFile(directory, thread, life))),
      );
    };
    const learners = files.filter((file) => /^learner-\d+\.bin$/.test(file)).length;
    return {
      actor: await read(actorName(0)),
      learners: await Promise.all(Array.from({ length: learners }, async (_, worker) => read(learnerName(worker)))),
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
   * @param monitor takes the row of each epoch
   * @throws Difference saying in whose training it is, where it is in one
   */
  async play(monitor: RunMonitor): Promise<void> {
    const { plan } = this.#run;
    const stepNumbers = plan.policies.map((policy) => stepNumbersOf(policy) ?? 0);
    const streamsOf = (files: readonly Uint8Array[], thread: string): ScheduleStream[] =>
      files.map((bytes, life) => new ScheduleStream(bytes, scheduleFile('', thread, life), stepNumbers));
    const actorStreams = streamsOf(this.#streams.actor, actorName(0));
    const learnerStreams = this.#streams.learners.map((files, worker) => streamsOf(files, learnerName(worker)));
    const policies = await Promise.all(
      plan.policies.map(async (_, index) => {
        const worker = plan.learnerWorkers.findIndex((served) => served.includes(index));
        return this.#replayedPolicy(index, learnerStreams[worker], actorStreams, stepNumbers[index]);
      }),
    );
    const training = policies.map((policy, index) => this.#located(index, () => policy.train()));
    const train = (): void => training.forEach((own) => own(0));
    train();
    for (const life of actorStreams.keys()) {
      const environment = await createEnvironment(plan.environment);
      try {
        await this.#playLife(life, actorStreams, policies, monitor, environment, train);
      } finally {
        environment.dispose?.();
      }
      if (life === actorStreams.length - 1) break;
      for (const index of plan.policies.keys()) cutShort(this.#run, index, 0);
      train();
    }
    for (const [index, policy] of policies.entries()) this.#located(index, () => policy.finish())(0);
    const recorded = actorStreams.at(-1)?.last(0, eventKind.end)?.numbers[0];
    if (recorded !== this.turns) throw new Difference(`the recorded actor ended after ${recorded}`);
  }

  /** One thread of the actor, to its recorded end: that of the run, or its death. */
  async #playLife(
    life: number,
    streams: readonly ScheduleStream[],
    policies: readonly ReplayedPolicy[],
    monitor: RunMonitor,
    environment: TurnEnvironment,
    train: () => void,
  ): Promise<void> {
    const run = life === 0 ? this.#run : { ...this.#run, start: monitor.actorStart() };
    const ends = life + 1 < streams.length ? policies.map((_, index) => actorStartOf(streams, life + 1, index)) : [];
    const writers: LimitedWriter[] = [];
    const report = (row: Float64Array): void => {
      // It died before it could say that the epoch was over.
      if (ends.length === 0 || monitor.epochs < ends[0].epochs) monitor.take(row);
    };
    const { actor } = await buildActor(run, 0, environment, report, {
      reader: (index) => {
        const { weights, actors } = run.plan.policies[index];
        const { buffer } = run.policyMemories[index];
        const published = this.#located(index, (version) => policies[index].weights(version));
        return new ReplayedReader(buffer, actors[0].readerScratch, weights.bytes, streams[life], index, published);
      },
      figures: (index) => {
        const { figureCount } = run.plan.policies[index].learner;
        const posted = this.#located(index, (steps) => policies[index].figures(steps));
        return new ReplayedFigures(figureCount, streams[life], index, posted);
      },
      writer: (index, usual) => {
        if (ends.length === 0) return usual;
        const limited = new LimitedWriter(usual, ends[index].head);
        writers.push(limited);
        return limited;
      },
    });
    const isOver = (): boolean => writers.length > 0 && writers.every(({ isThrough }) => isThrough);
    // A thread that died may have been further than where the run was stopped: the one behind it began anew.
    const endTurns = ends.length === 0 ? this.#endTurns : Infinity;
    let yieldedMs = performance.now();
    while (!actor.finished && actor.turns < endTurns && !isOver()) {
      actor.playTurn();
      this.turns = actor.turns;
      train();
      if (performance.now() - yieldedMs < yieldMs) continue;
      await nextEvents();
      yieldedMs = performance.now();
    }
    this.turns = actor.turns;
    if (ends.length === 0) actor.reportEnd();
    else if (!isOver()) throw new Difference(`the recorded actor died after other turns than these`);
    if (ends.length > 0 && monitor.epochs !== ends[0].epochs) {
      throw new Difference(`the recorded actor died after ${ends[0].epochs} epochs, not ${monitor.epochs}`);
    }
  }

  async #replayedPolicy(
    index: number,
    streams: readonly ScheduleStream[],
    actorStreams: readonly ScheduleStream[],
    stepNumbers: number,
  ): Promise<ReplayedPolicy> {
    const run = this.#run;
    const policy = run.plan.policies[index];
    const { buffer } = run.policyMemories[index];
    const { rings, algorithmPlan, learner: plan, weights } = policy;
    const windows =
      algorithmPlan.experience.kind === 'replay'
        ? new ReplayedWindows(buffer, rings, algorithmPlan.frames, stepNumbers, ringMemoryOf(buffer, policy))
        : undefined;
    const figures = figuresOf(buffer, policy);
    const committed = committedParameters(plan);
    const publisher = new ReplayedPublisher(
      buffer,
      weights.bytes,
      committed,
      versionsActedBy(actorStreams, index),
      streams[0],
      index,
      figures,
      plan.figureCount,
    );
    const learner = await buildLearner(run, index, { windows, publisher: () => publisher, witness: publisher });
    return new ReplayedPolicy({ learner, publisher, windows, streams, index, committed });
  }

  /** The same, but a difference says whose it is. */
  #located<Result>(index: number, work: (asked: number) => Result): (asked: number) => Result {
    return (asked) => {
      try {
        return work(asked);
      } catch (error) {
        const difference = differenceBehind(error);
        if (difference === undefined || difference.isLocated) throw error;
        throw difference.at(`in the training of ${this.#run.plan.policies[index].id}: `);
      }
    };
  }
}

/** Where a thread of the actor began that took the place of another. */
function actorStartOf(streams: readonly ScheduleStream[], life: number, index: number): ActorLifeStart {
  const event = streams[life].last(index, eventKind.actorStart);
  if (event === undefined) throw new Difference(`nothing says where thread ${life} of the actor began`);
  const [epochs, head] = event.numbers;
  return { epochs, head };
}

interface ActorLifeStart {
  readonly epochs: number;
  /** Of the policy's ring, as the thread before had left it. */
  readonly head: number;
}

/** A step that sees other rows than the recorded one may have nothing to draw, or no finite loss. */
function differenceBehind(error: unknown): Difference | undefined {
  if (error instanceof Difference) return error;
  const isOfStep = error instanceof MarlinError && ['ERR_NO_ELIGIBLE_ROW', 'ERR_NOT_FINITE'].includes(error.code);
  return isOfStep ? new Difference(error.message) : undefined;
}
