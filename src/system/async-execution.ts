import { setImmediate as nextEvents, setTimeout as delay } from 'node:timers/promises';
import { RecordQueue } from '../buffer/record-queue.js';
import type { Command, WorkerControl } from '../buffer/worker-control.js';
import { command } from '../buffer/worker-control.js';
import type { Doorbell } from '../buffer/doorbell.js';
import type { WideCounter } from '../buffer/wide-counter.js';
import type { ActorTask } from './actor-thread.js';
import type { Execution } from './execution.js';
import type { LearnerTask } from './learner-thread.js';
import { actorControls, learnerControls, mainDoorbell } from './run-memory.js';
import { WorkerHandle } from './worker-handle.js';
import type { Checkpoints } from './checkpoints.js';
import type { PreparedRun } from './prepared-run.js';
import type { ScheduleFiles } from './schedule-files.js';
import type { RunShare } from './run-share.js';
import type { TraceFile } from './trace-file.js';
import { turnsOf } from './run-share.js';

const learnerEntry = new URL('./workers/learner-worker.js', import.meta.url);

/** A sleep ends by a ring; the time-out only bounds what a lost ring would cost. */
const sleepMs = 1_000;
/** Longest stretch of taking reports between two looks at the event loop, in milliseconds. */
const takingMs = 20;
/** How long the workers that are left may take to end once one of them has failed. */
const failureGraceMs = 1_000;

/**
 * Actors and learners on threads of their own; the calling thread takes reports and never blocks. Learners are started
 * once the actors are under way: nothing is owed before, and starting up together they would only hold up the first turn.
 */
export class AsyncExecution implements Execution {
  readonly #share: RunShare;
  readonly #actorThreads: readonly WorkerHandle<ActorTask>[];
  readonly #report: (row: Float64Array) => void;
  readonly #controls: readonly WorkerControl[];
  readonly #actors: readonly WorkerControl[];
  readonly #turns: readonly WideCounter[];
  readonly #doorbell: Doorbell;
  readonly #queues: readonly RecordQueue[];
  readonly #row: Float64Array;
  readonly #schedule: ScheduleFiles | undefined;
  readonly #trace: TraceFile | undefined;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #learners: readonly WorkerControl[];
  /** What the workers were last asked by whoever holds the run. */
  #asked: Command = command.run;
  readonly #threads: { terminate(): Promise<void> }[];
  readonly #calls: Promise<void>[] = [];
  #haveLearnersStarted = false;
  /** Workers whose work is not done, those included that have not been started. */
  #working: number;
  /** True once all workers have done their work, or one has failed. */
  #hasEnded = false;

  /**
   * @param actorThreads see `startActorThreads`; they end with the run
   */
  constructor(
    share: RunShare,
    actorThreads: readonly WorkerHandle<ActorTask>[],
    { schedule, trace, checkpoints, report }: Pick<PreparedRun, 'schedule' | 'trace' | 'checkpoints' | 'report'>,
  ) {
    this.#checkpoints = checkpoints;
    this.#schedule = schedule;
    this.#trace = trace;
    this.#share = share;
    this.#actorThreads = actorThreads;
    this.#threads = [...actorThreads];
    this.#report = report;
    this.#actors = actorControls(share);
    this.#learners = learnerControls(share);
    this.#controls = [...this.#actors, ...this.#learners];
    this.#working = this.#controls.length;
    this.#turns = this.#actors.map((_, actor) => turnsOf(share, actor));
    this.#doorbell = mainDoorbell(share);
    this.#queues = share.plan.memory.reports.map((plan) => new RecordQueue(share.runMemory, plan));
    this.#row = new Float64Array(share.plan.memory.reports[0].width);
  }

  async run(): Promise<void> {
    const share = this.#share;
    this.#actorThreads.forEach((thread, actor) => this.#call(thread, { share, actor }));
    try {
      while (!this.#hasEnded) {
        // Before reports are taken, which may have no end where that is slow.
        if (this.#areLearnersDue()) this.#startLearners();
        this.#schedule?.drain();
        this.#trace?.drain();
        await this.#takeReports();
        await this.#doorbell.sleepUnlessAsync(this.#hasNews, sleepMs);
      }
      await Promise.all(this.#calls);
      await this.#takeReports();
    } catch (error) {
      this.#ask(command.abort);
      await Promise.race([Promise.allSettled(this.#calls), delay(failureGraceMs, undefined, { ref: false })]);
      // What was reported before the failure belongs to the records like anything else.
      await this.#takeReports();
      throw error;
    } finally {
      await Promise.all(this.#threads.map(async (thread) => thread.terminate()));
      await Promise.allSettled(this.#calls);
    }
  }

  stop(): void {
    this.#ask(command.stop);
  }

  pause(): void {
    if (!this.#controls[0].isEnding) this.#ask(command.pause);
  }

  resume(): void {
    if (!this.#controls[0].isEnding) this.#ask(command.run);
  }

  #areLearnersDue(): boolean {
    if (this.#haveLearnersStarted) return false;
    // Also an actor that ended before its first turn: learners have their last word all the same.
    return this.#actors.every((actor, index) => actor.isDone || this.#turns[index].value() > 0);
  }

  #startLearners(): void {
    this.#haveLearnersStarted = true;
    const share = this.#share;
    for (const worker of share.plan.learnerWorkers.keys()) {
      const thread = new WorkerHandle<LearnerTask>(`learner-${worker}`, learnerEntry);
      this.#threads.push(thread);
      this.#call(thread, { share, worker });
    }
  }

  #call<Task>(thread: WorkerHandle<Task>, task: Task): void {
    const call = thread.run(task);
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

  readonly #hasNews = (): boolean =>
    this.#hasEnded ||
    this.#areLearnersDue() ||
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
        const isHeld = this.#actors[actor].isHeld && queue.length === 1;
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
    const areHeld = (): boolean =>
      this.#hasEnded || this.#learners.every((learner) => learner.isHeld || learner.isDone);
    if (this.#haveLearnersStarted) {
      for (const learner of this.#learners) learner.ask(command.pause);
      while (!areHeld()) await this.#doorbell.sleepUnlessAsync(areHeld, sleepMs);
    }
    // One that has failed holds nothing.
    if (!this.#hasEnded) this.#checkpoints?.take(this.#row);
    this.#actors[actor].isReportAwaited = this.#checkpoints?.isAsked === true;
    for (const learner of this.#learners) learner.ask(this.#asked);
  }

  /** The next report of each actor is to be waited for: somebody wants a checkpoint. */
  awaitReports(): void {
    for (const actor of this.#actors) actor.isReportAwaited = true;
  }

  #ask(asked: Command): void {
    this.#asked = asked;
    for (const control of this.#controls) control.ask(asked);
  }
}
