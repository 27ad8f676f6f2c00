import { setImmediate as nextEvents, setTimeout as delay } from 'node:timers/promises';
import { RecordQueue } from '../buffer/record-queue.js';
import type { Command, WorkerControl } from '../buffer/worker-control.js';
import { command } from '../buffer/worker-control.js';
import type { Doorbell } from '../buffer/doorbell.js';
import type { ActorWorkerData } from './actor-thread.js';
import type { Execution } from './execution.js';
import type { LearnerWorkerData } from './learner-thread.js';
import { actorControls, learnerControls, mainDoorbell } from './run-memory.js';
import { WorkerHandle } from './worker-handle.js';
import type { RunShare } from './wiring.js';

const actorEntry = new URL('./workers/actor-worker.js', import.meta.url);
const learnerEntry = new URL('./workers/learner-worker.js', import.meta.url);

/** A sleep ends by a ring; the time-out only bounds what a lost ring would cost. */
const sleepMs = 1_000;
/** Longest stretch of taking reports between two looks at the event loop, in milliseconds. */
const takingMs = 20;
/** How long the workers that are left may take to end once one of them has failed. */
const failureGraceMs = 1_000;

/** Actors and learners on threads of their own; the calling thread takes reports and never blocks. */
export class AsyncExecution implements Execution {
  readonly #share: RunShare;
  readonly #report: (row: Float64Array) => void;
  readonly #controls: readonly WorkerControl[];
  readonly #actors: readonly WorkerControl[];
  readonly #doorbell: Doorbell;
  readonly #queues: readonly RecordQueue[];
  readonly #row: Float64Array;
  /** True once all workers have done their work, or one has failed. */
  #hasEnded = false;

  /** @param report takes the row of an epoch; the array is reused */
  constructor(share: RunShare, report: (row: Float64Array) => void) {
    this.#share = share;
    this.#report = report;
    this.#actors = actorControls(share);
    this.#controls = [...this.#actors, ...learnerControls(share)];
    this.#doorbell = mainDoorbell(share);
    this.#queues = share.plan.memory.reports.map((plan) => new RecordQueue(share.runMemory, plan));
    this.#row = new Float64Array(share.plan.memory.reports[0].width);
  }

  async run(): Promise<void> {
    const workers = this.#startWorkers();
    const calls = workers.map(async (worker) => worker.run());
    const work = Promise.all(calls);
    const noted = this.#noteEnd(work);
    try {
      while (!this.#hasEnded) {
        await this.#takeReports();
        await this.#doorbell.sleepUnlessAsync(this.#hasNews, sleepMs);
      }
      await work;
      await this.#takeReports();
    } catch (error) {
      this.#ask(command.abort);
      await Promise.race([Promise.allSettled(calls), delay(failureGraceMs, undefined, { ref: false })]);
      // What was reported before the failure belongs to the records like anything else.
      await this.#takeReports();
      throw error;
    } finally {
      await Promise.all(workers.map(async (worker) => worker.terminate()));
      await noted;
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

  #startWorkers(): WorkerHandle[] {
    const share = this.#share;
    const { actorControls: actors } = share.plan.memory;
    return [
      ...actors.map(
        (_, actor) => new WorkerHandle(`actor-${actor}`, actorEntry, { share, actor } satisfies ActorWorkerData),
      ),
      ...share.plan.learnerWorkers.map(
        (_, worker) =>
          new WorkerHandle(`learner-${worker}`, learnerEntry, { share, worker } satisfies LearnerWorkerData),
      ),
    ];
  }

  /** Ends the sleep of the loop above: it waits for reports, and for nothing else. */
  async #noteEnd(work: Promise<unknown>): Promise<void> {
    await Promise.allSettled([work]);
    this.#hasEnded = true;
    this.#doorbell.ring();
  }

  readonly #hasNews = (): boolean => this.#hasEnded || this.#queues.some((queue) => queue.length > 0);

  /**
   * Takes what has been reported, with looks at the event loop in between: where reports cost more than an actor needs for
   * the next, the queue is never empty, and nothing else would ever have its turn.
   */
  async #takeReports(): Promise<void> {
    let began = performance.now();
    for (const [actor, queue] of this.#queues.entries()) {
      while (queue.peek(this.#row)) {
        this.#report(this.#row);
        queue.drop();
        // It may be waiting for room, or until this report has been taken.
        this.#actors[actor].doorbell.ring();
        if (performance.now() - began < takingMs) continue;
        await nextEvents();
        began = performance.now();
      }
    }
    // Also where there was little to take: a doorbell that is rung before each sleep would let none through either.
    await nextEvents();
  }

  #ask(asked: Command): void {
    for (const control of this.#controls) control.ask(asked);
  }
}
