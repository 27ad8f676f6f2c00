import type { WideCounter } from '../buffer/wide-counter.js';
import type { RecordQueue } from '../buffer/record-queue.js';
import type { Doorbell } from '../buffer/doorbell.js';
import type { WorkerControl } from '../buffer/worker-control.js';
import { command } from '../buffer/worker-control.js';
import { runColumns } from '../metrics/epoch-row.js';
import { publishWait, waitStartMs } from '../metrics/probes.js';
import type { Actor } from './actor.js';
import type { PolicyLink } from './policy-link.js';

export interface ActorLoopParts {
  readonly actor: Actor;
  readonly links: readonly PolicyLink[];
  /** Turns taken, for learners to read. */
  readonly turns: WideCounter;
  readonly control: WorkerControl;
  readonly learners: readonly Doorbell[];
  readonly main: Doorbell;
  readonly reports: RecordQueue;
  /** Whether the actor waits until the report of this epoch has been taken, unless it is asked to. */
  readonly isAwaited: (epoch: number) => boolean;
  /** Takes note of what is done, where a run is recorded. */
  readonly witness?: ActorWitness | undefined;
}

/** Is told what an actor does. */
export interface ActorWitness {
  /** The last word of an actor, after so many turns. */
  finished(turns: number): void;
}

/** A sleep ends by a ring; the time-out only bounds what a lost ring would cost. */
const sleepMs = 1_000;

/**
 * Plays an actor on a thread of its own until it is finished or asked to stop, waiting only where a learner is further
 * behind than its policy allows, where it is asked to pause, and where the main thread has not yet taken
 * its reports.
 */
export class ActorLoop {
  readonly #parts: ActorLoopParts;
  #owed = 0;
  #slowest: PolicyLink | undefined;

  constructor(parts: ActorLoopParts) {
    this.#parts = parts;
  }

  run(): void {
    const { actor, control, main, turns } = this.#parts;
    const first = actor.turns + 1;
    // What another actor had played already earns nothing more; it may have died before it had counted its last turn.
    const counted = Math.max(turns.value(), actor.turns);
    turns.set(counted);
    while (!actor.finished && !control.isEnding) {
      if (!this.#mayPlay()) {
        this.#wait(this.#mayPlay);
        continue;
      }
      control.beat();
      actor.playTurn();
      if (actor.turns > counted) turns.set(actor.turns);
      // Starts the learners.
      if (actor.turns === first) main.ring();
      const owed = this.#owedByAll();
      if (owed > this.#owed) {
        this.#owed = owed;
        this.#ringLearners();
      }
    }
    actor.reportEnd();
    this.#parts.witness?.finished(actor.turns);
    control.markDone();
    this.#ringLearners();
    main.ring();
  }

  /** Hands a row to the main thread; loses none. */
  report(row: Float64Array): void {
    const { reports, main, isAwaited, control } = this.#parts;
    this.#slowest = undefined;
    const epochs = row[runColumns.epochs];
    const isHeld = row[runColumns.isWholeEpoch] === 1 && (control.isReportAwaited || isAwaited(epochs));
    // Before the row is there: whoever finds it then knows whether this actor waits behind it. With the epoch, for the row
    // that is found may still be the one before.
    control.heldAt = isHeld ? epochs : 0;
    while (!reports.push(row)) {
      if (this.#isAborted) return;
      this.#wait(this.#hasRoom);
    }
    main.ring();
    if (!isHeld) return;
    while (!this.#areTaken()) this.#wait(this.#areTaken);
    control.heldAt = 0;
  }

  get #isAborted(): boolean {
    return this.#parts.control.command === command.abort;
  }

  readonly #areTaken = (): boolean => this.#parts.reports.length === 0 || this.#isAborted;

  readonly #hasRoom = (): boolean => !this.#parts.reports.isFull || this.#isAborted;

  readonly #mayPlay = (): boolean => {
    const { actor, control, links } = this.#parts;
    this.#slowest = undefined;
    if (control.isEnding) return true;
    if (control.command === command.pause) return false;
    for (let policy = 0; policy < links.length; policy++) {
      const link = links[policy];
      if (!link.isBehind(actor.turns)) continue;
      if (this.#slowest === undefined || link.trainingLag > this.#slowest.trainingLag) this.#slowest = link;
    }
    return this.#slowest === undefined;
  };

  /** Training steps that all policies together owe by now. */
  #owedByAll(): number {
    const { actor, links } = this.#parts;
    let owed = 0;
    for (let policy = 0; policy < links.length; policy++) owed += links[policy].owed(actor.turns);
    return owed;
  }

  #ringLearners(): void {
    const { learners } = this.#parts;
    for (let learner = 0; learner < learners.length; learner++) learners[learner].ring();
  }

  #wait(ready: () => boolean): void {
    const startMs = waitStartMs();
    const began = performance.now();
    const waitedFor = this.#slowest;
    // Nothing new may be owed since the learners were last rung: what they lacked may have been rows for a first batch.
    // Closes the race "each sleeps until the other moves".
    if (waitedFor !== undefined) this.#ringLearners();
    this.#parts.control.doorbell.sleepUnless(ready, sleepMs);
    const waited = performance.now() - began;
    this.#parts.actor.waitedMs += waited;
    if (waitedFor !== undefined) waitedFor.waitedMs += waited;
    if (startMs === 0) return;
    if (waitedFor !== undefined) publishWait('training', startMs, waitedFor.id);
    else publishWait(ready === this.#mayPlay ? 'pause' : 'report', startMs);
  }
}
