import { setImmediate as nextEvents } from 'node:timers/promises';
import { owedTrainSteps } from '../algorithms/training-rate.js';
import { debugLogOf } from '../debug-log.js';
import type { TurnEnvironment } from '../environment/environment.js';
import { stopGraceMs } from '../learner/learner-loop.js';
import type { ProbeSubscription } from '../metrics/probe-subscription.js';
import { publishWait, waitStartMs } from '../metrics/probes.js';
import type { Checkpoints } from './checkpoints.js';
import type { Execution } from './execution.js';
import type { RunShare } from './run-share.js';
import { buildActor } from './actor-wiring.js';
import { buildLearner } from './learner-wiring.js';
import { openRun } from './open-run.js';
import { observeThread } from './thread-probes.js';
import type { TraceFile } from './trace-file.js';

/** Longest stretch of work between two looks at the event loop, in milliseconds. */
const yieldMs = 50;

export interface SequentialParts {
  /** Takes the row of an epoch; the array is reused. */
  readonly report: (row: Float64Array) => void;
  /** Undefined where the run writes no files. */
  readonly checkpoints?: Checkpoints | undefined;
  /** Undefined where the run is not traced. */
  readonly trace?: TraceFile | undefined;
  /** Turns after which it ends as if it were stopped, but for what is owed, which is trained to the end. */
  readonly endTurns?: number | undefined;
}

/** Everything on the calling thread: a turn, then what it made owed. The reference for all other executions. */
export class SequentialExecution implements Execution {
  readonly #share: RunShare;
  readonly #environment: TurnEnvironment;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #report: (row: Float64Array) => void;
  readonly #trace: TraceFile | undefined;
  readonly #endTurns: number;
  /** Who listens to the probes of this thread for this run. */
  #observers: readonly ProbeSubscription[] = [];
  #isStopped = false;
  /** When what is still owed is given up, as learners on threads do; and whether that has come. */
  #stopAt = Infinity;
  #isGraceOver = false;
  /** Resolves at the next {@link resume} or {@link stop}; undefined while the run is not paused. */
  #paused: Promise<void> | undefined;
  #release: (() => void) | undefined;
  #yieldedMs = 0;

  /** @param environment played, and disposed of at the end of the run */
  constructor(
    share: RunShare,
    environment: TurnEnvironment,
    { report, checkpoints, trace, endTurns }: SequentialParts,
  ) {
    this.#share = share;
    this.#environment = environment;
    this.#checkpoints = checkpoints;
    this.#report = report;
    this.#trace = trace;
    this.#endTurns = endTurns ?? Infinity;
  }

  async run(): Promise<void> {
    try {
      await this.#play();
    } finally {
      for (const observer of this.#observers) observer.end();
      this.#environment.dispose?.();
    }
  }

  async #play(): Promise<void> {
    const run = await openRun(this.#share);
    const { policies } = run.plan;
    const learners = await Promise.all(policies.map(async (_, index) => buildLearner(run, index)));
    const report = (row: Float64Array): void => {
      this.#report(row);
      if (this.#checkpoints?.isDue(row) !== true) return;
      for (const learner of learners) learner.save();
      this.#checkpoints.take();
    };
    const { actor, links } = await buildActor(run, 0, this.#environment, report);
    this.#observe();
    this.#yieldedMs = performance.now();
    const mayGoOn = (): boolean => !actor.finished && !this.#isStopped && actor.turns < this.#endTurns;
    // First what the last turn before a checkpoint made owed.
    for (let isResumed = actor.turns > 0; mayGoOn(); isResumed = false) {
      if (!isResumed) actor.playTurn();
      for (const link of links) link.look(actor.turns);
      for (const [index, learner] of learners.entries()) {
        const owed = owedTrainSteps(actor.turns, policies[index].pace.rate);
        while (learner.trainSteps < owed && learner.isReady && !this.#isGraceOver) {
          learner.trainStep();
          if (this.#isDue()) await this.#lookAtEvents();
        }
      }
      if (this.#isDue()) await this.#lookAtEvents();
    }
    actor.reportEnd();
    for (const learner of learners) learner.finish();
    this.#suspendObservers(true);
    await nextEvents();
  }

  stop(): void {
    if (!this.#isStopped) this.#stopAt = performance.now() + stopGraceMs;
    this.#isStopped = true;
    this.resume();
  }

  awaitReports(): void {
    // Reports are taken before the next turn.
  }

  pause(): void {
    if (this.#paused !== undefined || this.#isStopped) return;
    this.#paused = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  resume(): void {
    this.#release?.();
    this.#paused = undefined;
  }

  #observe(): void {
    const trace = this.#trace;
    const push = trace === undefined ? undefined : (row: Float64Array): void => trace.add(0, row);
    this.#observers = observeThread(this.#share, push, debugLogOf('main'));
  }

  #suspendObservers(areSuspended: boolean): void {
    for (const observer of this.#observers) observer.isSuspended = areSuspended;
  }

  #isDue(): boolean {
    if (this.#paused !== undefined || this.#checkpoints?.isWriting === true) return true;
    return performance.now() - this.#yieldedMs >= yieldMs;
  }

  async #lookAtEvents(): Promise<void> {
    const startMs = waitStartMs();
    // Another run may have this thread meanwhile.
    this.#suspendObservers(true);
    await nextEvents();
    // The report in which it was taken could not wait.
    if (this.#checkpoints?.isWriting === true) await this.#checkpoints.settled();
    const paused = this.#paused;
    await paused;
    this.#suspendObservers(false);
    publishWait(paused === undefined ? 'events' : 'pause', startMs);
    this.#yieldedMs = performance.now();
    this.#isGraceOver = this.#yieldedMs >= this.#stopAt;
  }
}
