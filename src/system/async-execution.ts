import { setImmediate as nextEvents, setTimeout as delay } from 'node:timers/promises';
import type { Doorbell } from '../buffer/doorbell.js';
import { RecordQueue } from '../buffer/record-queue.js';
import type { WideCounter } from '../buffer/wide-counter.js';
import type { Command, WorkerControl } from '../buffer/worker-control.js';
import { command } from '../buffer/worker-control.js';
import { MarlinError, toError } from '../errors.js';
import { runColumns } from '../metrics/epoch-row.js';
import type { ActorTask } from './actor-thread.js';
import { actorEntry } from './actor-threads.js';
import type { Checkpoints } from './checkpoints.js';
import type { Execution } from './execution.js';
import type { LearnerTask } from './learner-thread.js';
import type { PreparedRun } from './prepared-run.js';
import type { Recovery } from './recovery.js';
import { actorControls, learnerControls, mainDoorbell } from './run-memory.js';
import type { RunShare } from './run-share.js';
import type { TraceFile } from './trace-file.js';
import { turnsOf } from './run-share.js';
import type { ScheduleFiles } from './schedule-files.js';
import type { SupervisedWorkerParts } from './supervised-worker.js';
import { looksPerTimeout, SupervisedWorker } from './supervised-worker.js';
import { actorName, learnerName } from './thread-names.js';
import type { WorkerHandle } from './worker-handle.js';

const learnerEntry = new URL('./workers/learner-worker.js', import.meta.url);

/** A sleep ends by a ring; the time-out only bounds what a lost ring would cost. */
const sleepMs = 1_000;
/** Longest stretch of taking reports between two looks at the event loop, in milliseconds. */
const takingMs = 20;
/** How long the workers that are left may take to end once one of them has failed. */
const failureGraceMs = 1_000;

/** What an execution on threads needs of its run. */
export type AsyncParts = Pick<PreparedRun, 'share' | 'schedule' | 'trace' | 'checkpoints' | 'report' | 'recovery'>;

/** Makes memory ready for the actor that follows one that died, which the main loop does between two reports. */
interface Repair {
  readonly work: () => ActorTask;
  readonly resolve: (task: ActorTask) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Actors and learners on threads of their own; the calling thread takes reports and never blocks. Learners are started
 * once the actors are under way: nothing is owed before, and starting up together they would only hold up the first turn.
 *
 * A thread that fails is replaced. A learner's successor starts at once. An actor's is started by the main loop: all
 * reports must have been taken, for they say where it begins, and the learners are held while its rings are repaired.
 */
export class AsyncExecution implements Execution {
  readonly #share: RunShare;
  readonly #report: (row: Float64Array) => void;
  readonly #schedule: ScheduleFiles | undefined;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #recovery: Recovery;
  readonly #actors: readonly WorkerControl[];
  readonly #learners: readonly WorkerControl[];
  readonly #turns: readonly WideCounter[];
  readonly #doorbell: Doorbell;
  readonly #queues: readonly RecordQueue[];
  readonly #row: Float64Array;
  readonly #trace: TraceFile | undefined;
  readonly #workers: Pick<SupervisedWorker<never>, 'look' | 'terminate'>[] = [];
  readonly #calls: Promise<void>[] = [];
  readonly #repairs: Repair[] = [];
  /** What the workers were last asked by whoever holds the run. */
  #asked: Command = command.run;
  #haveLearnersStarted = false;
  /** True while learners stand still, or are to, whatever the run is asked for meanwhile. */
  #areLearnersHeld = false;
  /** Workers whose work is not done, those included that have not been started. */
  #working: number;
  /** True once all workers have done their work, or one has failed for good. */
  #hasEnded = false;

  /**
   * @param actorThreads see `startActorThreads`; they end with the run
   */
  constructor(
    { share, schedule, trace, checkpoints, report, recovery }: AsyncParts,
    actorThreads: readonly WorkerHandle<ActorTask>[],
  ) {
    this.#share = share;
    this.#checkpoints = checkpoints;
    this.#schedule = schedule;
    this.#recovery = recovery;
    this.#trace = trace;
    this.#report = report;
    this.#actors = actorControls(share);
    this.#learners = learnerControls(share);
    this.#working = this.#actors.length + this.#learners.length;
    this.#turns = this.#actors.map((_, actor) => turnsOf(share, actor));
    this.#doorbell = mainDoorbell(share);
    this.#queues = share.plan.memory.reports.map((plan) => new RecordQueue(share.runMemory, plan));
    this.#row = new Float64Array(share.plan.memory.reports[0].width);
    for (const [actor, thread] of actorThreads.entries()) this.#startActor(actor, thread);
  }

  async run(): Promise<void> {
    const watch = this.#watchHeartbeats();
    try {
      while (!this.#hasEnded) {
        // Before reports are taken, which may have no end where that is slow.
        if (this.#areLearnersDue()) this.#startLearners();
        this.#schedule?.drain();
        this.#trace?.drain();
        // Repairs that are asked for while reports are taken wait for the next time: their actor may have reported since.
        const repairs = this.#repairs.length;
        await this.#takeReports();
        await this.#repair(repairs);
        await this.#doorbell.sleepUnlessAsync(this.#hasNews, sleepMs);
      }
      await Promise.all(this.#calls);
      await this.#takeReports();
    } catch (error) {
      this.#ask(command.abort);
      this.#giveUpRepairs();
      await Promise.race([Promise.allSettled(this.#calls), delay(failureGraceMs, undefined, { ref: false })]);
      // What was reported before the failure belongs to the records like anything else.
      await this.#takeReports();
      throw error;
    } finally {
      clearInterval(watch);
      await Promise.all(this.#workers.map(async (worker) => worker.terminate()));
      this.#giveUpRepairs();
      await Promise.allSettled(this.#calls);
    }
  }

  stop(): void {
    this.#ask(command.stop);
  }

  pause(): void {
    if (!this.#actors[0].isEnding) this.#ask(command.pause);
  }

  resume(): void {
    if (!this.#actors[0].isEnding) this.#ask(command.run);
  }

  /** The next report of each actor is to be waited for: somebody wants a checkpoint. */
  awaitReports(): void {
    for (const actor of this.#actors) actor.isReportAwaited = true;
  }

  #ask(asked: Command): void {
    this.#asked = asked;
    for (const actor of this.#actors) actor.ask(asked);
    // They hear of it once they are let go: who waits for them to stand still would otherwise wait for ever.
    if (this.#areLearnersHeld && asked !== command.abort) return;
    for (const learner of this.#learners) learner.ask(asked);
  }

  #areLearnersDue(): boolean {
    if (this.#haveLearnersStarted) return false;
    // Also an actor that ended before its first turn: learners have their last word all the same.
    return this.#actors.every((actor, index) => actor.isDone || this.#turns[index].value() > 0);
  }

  #startActor(actor: number, thread: WorkerHandle<ActorTask>): void {
    this.#startWorker<ActorTask>({
      name: actorName(actor),
      entry: actorEntry,
      control: this.#actors[actor],
      thread,
      task: { share: this.#share, actor },
      recover: async (error) => this.#whenRepairable(() => this.#recovery.actor(actor, error)),
    });
  }

  #startLearners(): void {
    this.#haveLearnersStarted = true;
    for (const worker of this.#share.plan.learnerWorkers.keys()) {
      this.#startWorker<LearnerTask>({
        name: learnerName(worker),
        entry: learnerEntry,
        control: this.#learners[worker],
        task: { share: this.#share, worker },
        recover: async (error) => this.#recovery.learner(worker, error),
      });
    }
  }

  #startWorker<Task>(
    parts: Omit<SupervisedWorkerParts<Task>, 'restart' | 'heartbeatTimeoutMs' | 'heapLimitMb' | 'advice'>,
  ): void {
    const { restart, heartbeatTimeoutMs, heapLimitMb } = this.#share.plan.configuration.parallel;
    const advice = async (): Promise<string> => (await this.#checkpoints?.advice()) ?? '';
    const worker = new SupervisedWorker<Task>({ ...parts, restart, heartbeatTimeoutMs, heapLimitMb, advice });
    this.#workers.push(worker);
    const call = worker.run();
    this.#calls.push(call);
    call.then(
      () => this.#noteEnd(--this.#working === 0),
      () => this.#noteEnd(true),
    );
  }

  #noteEnd(hasEnded: boolean): void {
    this.#hasEnded ||= hasEnded;
    // Ends the sleep of the loop above: it waits for reports, and for nothing else.
    this.#doorbell.ring();
  }

  /** Looks at all workers a few times in the time that each may take for a turn or a training step. */
  #watchHeartbeats(): NodeJS.Timeout | undefined {
    const { heartbeatTimeoutMs } = this.#share.plan.configuration.parallel;
    if (heartbeatTimeoutMs === Infinity) return undefined;
    const look = (): void => this.#workers.forEach((worker) => worker.look());
    return setInterval(look, heartbeatTimeoutMs / looksPerTimeout).unref();
  }

  readonly #hasNews = (): boolean =>
    this.#hasEnded ||
    this.#areLearnersDue() ||
    this.#repairs.length > 0 ||
    this.#schedule?.areDue === true ||
    this.#trace?.isDue === true ||
    this.#queues.some((queue) => queue.length > 0);

  /**
   * Takes what has been reported, with looks at the event loop in between: where reports cost more than an actor needs for
   * the next, the queue is never empty, and nothing else would ever have its turn.
   */
  async #takeReports(): Promise<void> {
    let began = performance.now();
    for (const [actor, queue] of this.#queues.entries()) {
      while (queue.peek(this.#row)) {
        this.#report(this.#row);
        const isHeld = this.#actors[actor].heldAt === this.#row[runColumns.epochs];
        if (isHeld && this.#checkpoints?.isDue(this.#row) === true) await this.#takeCheckpoint(actor);
        queue.drop();
        // It may be waiting for room, or until this report has been taken.
        this.#actors[actor].doorbell.ring();
        if (performance.now() - began < takingMs) continue;
        await nextEvents();
        this.#schedule?.drain();
        this.#trace?.drain();
        began = performance.now();
      }
    }
    // Also where there was little to take: a doorbell that is rung before each sleep would let none through either.
    await nextEvents();
  }

  /** The actor waits at its report; once all learners are held as well, nothing changes but what this thread does. */
  async #takeCheckpoint(actor: number): Promise<void> {
    while (this.#checkpoints?.isWriting === true) {
      this.#schedule?.drain();
      this.#trace?.drain();
      await Promise.race([this.#checkpoints.settled(), delay(takingMs)]);
    }
    await this.#holdingLearners(() => this.#checkpoints?.take());
    this.#actors[actor].isReportAwaited = this.#checkpoints?.isAsked === true;
  }

  /** Does something while no learner looks at its rings or writes; nothing where the run ends meanwhile. */
  async #holdingLearners(work: () => void): Promise<void> {
    // One that is being replaced is held once its successor is.
    const areHeld = (): boolean =>
      this.#hasEnded || this.#learners.every((learner) => learner.isHeld || learner.isDone);
    if (this.#haveLearnersStarted) {
      this.#areLearnersHeld = true;
      for (const learner of this.#learners) learner.ask(command.pause);
      while (!areHeld()) {
        this.#schedule?.drain();
        await this.#doorbell.sleepUnlessAsync(areHeld, sleepMs);
      }
    }
    if (!this.#hasEnded) work();
    this.#areLearnersHeld = false;
    for (const learner of this.#learners) learner.ask(this.#asked);
  }

  /** Resolves once the main loop has done this; rejects where the run ends first. */
  async #whenRepairable(work: () => ActorTask): Promise<ActorTask> {
    return new Promise((resolve, reject) => {
      this.#repairs.push({ work, resolve, reject });
      if (this.#hasEnded) this.#giveUpRepairs();
      else this.#doorbell.ring();
    });
  }

  /** Does the first so many repairs: those of actors that were gone before their reports were taken. */
  async #repair(count: number): Promise<void> {
    for (const { work, resolve, reject } of this.#repairs.splice(0, count)) {
      try {
        await this.#holdingLearners(() => resolve(work()));
      } catch (error) {
        reject(toError(error));
      }
      // Nothing where it has been done.
      reject(givenUp());
    }
  }

  #giveUpRepairs(): void {
    for (const { reject } of this.#repairs.splice(0)) reject(givenUp());
  }
}

function givenUp(): MarlinError {
  return new MarlinError('ERR_STATE', 'The run was given up before this worker could be replaced.');
}
