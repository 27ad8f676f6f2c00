import type { TrainingRate } from '../algorithms/training-rate.js';
import { owedTrainSteps } from '../algorithms/training-rate.js';
import type { Doorbell } from '../buffer/doorbell.js';
import type { WideCounter } from '../buffer/wide-counter.js';
import type { WorkerControl } from '../buffer/worker-control.js';
import { command } from '../buffer/worker-control.js';
import type { WaitReason } from '../metrics/probes.js';
import { publishWait, waitStartMs } from '../metrics/probes.js';
import type { Learner } from './learner.js';

/** A learner and how urgent its arrears are against those of others in the same worker. */
export interface LearnerShare {
  readonly learner: Learner;
  /** Weight of its owed training steps; 1 by default. */
  readonly priority: number;
  readonly rate: TrainingRate;
  /** Owed training steps at which actors begin to wait. */
  readonly maxTrainingLag: number;
}

export interface LearnerLoopParts {
  readonly shares: readonly LearnerShare[];
  /** Turns taken by each actor. */
  readonly turns: readonly WideCounter[];
  readonly actors: readonly WorkerControl[];
  readonly control: WorkerControl;
  readonly main: Pick<Doorbell, 'ring'>;
  /** Lockstep: where this worker says up to which turn it has done all that it could. Undefined in other executions. */
  readonly meeting?: WideCounter | undefined;
}

/** A sleep ends by a ring; the time-out only bounds what a lost ring would cost. */
const sleepMs = 1_000;
/** After a stop, what is still owed is trained for at most this long. */
export const stopGraceMs = 250;

/**
 * Serves the policies of one worker: always the one that is furthest behind what it owes, weighted by priority, and
 * none ahead of what it owes. Ends when the actors are done and nothing is owed, or soon after it is asked to stop.
 *
 * In lockstep it takes note of the turns, does all that they make owed, and says so; then it does nothing until they have
 * moved on. An actor that owes anything waits for that, so whether there is a batch depends on no thread's speed.
 * ```
 *   turns 12 ──► step … step (or no batch) ──► meeting := 12, ring ──► asleep until turns ≠ 12
 * ```
 */
export class LearnerLoop {
  readonly #parts: LearnerLoopParts;
  #stopAt = Infinity;
  /** Turns by which is told what is owed: in lockstep those of this round. */
  #turns = 0;
  #hasMet = false;

  constructor(parts: LearnerLoopParts) {
    this.#parts = parts;
  }

  run(): void {
    const { control } = this.#parts;
    for (;;) {
      // Before the look at what is owed: what an actor did before it was done is then seen.
      const mayEnd = this.#mayEnd();
      const next = this.#next();
      control.beat();
      if (next !== undefined) {
        next.learner.trainStep();
        this.#lookAtTurns();
        // While an actor waits nothing more comes to be owed, so these arrears pass through every number below those it
        // waits for. Woken at half of them it plays many turns at once; woken at each step, threads would switch twice
        // a step. Asked after the step: what was owed before it may have been less than what the actor waits for.
        if (this.#arrears(next) === Math.floor(next.maxTrainingLag / 2)) this.#ringActors();
      } else if (this.#meets()) {
        continue;
      } else if (mayEnd) {
        break;
      } else if (control.command === command.pause) {
        this.#hold();
      } else {
        this.#sleepUnless(this.#hasWork, 'turns');
      }
    }
    for (const { learner } of this.#parts.shares) learner.finish();
    control.markDone();
  }

  /** Paused, a learner lets others see where it stands. */
  #hold(): void {
    const { control, shares, main } = this.#parts;
    for (const { learner } of shares) learner.save();
    control.heldAt = 1;
    main.ring();
    this.#sleepUnless(this.#isReleased, 'pause');
    control.heldAt = 0;
  }

  #sleepUnless(ready: () => boolean, reason: WaitReason): void {
    const startMs = waitStartMs();
    this.#parts.control.doorbell.sleepUnless(ready, sleepMs);
    publishWait(reason, startMs);
  }

  readonly #isReleased = (): boolean => this.#parts.control.command !== command.pause;

  readonly #hasWork = (): boolean => this.#next() !== undefined || this.#hasMovedOn() || this.#mayEnd();

  /** In lockstep, ends a round and begins the next; false where there is nothing to begin. */
  #meets(): boolean {
    const { control, meeting } = this.#parts;
    if (meeting === undefined || control.command === command.pause) return false;
    if (!this.#hasMet) {
      this.#hasMet = true;
      meeting.set(this.#turns);
      this.#ringActors();
    }
    if (!this.#hasMovedOn()) return false;
    this.#turns = this.#turnsOfActors();
    this.#hasMet = false;
    return true;
  }

  #hasMovedOn(): boolean {
    const { control, meeting } = this.#parts;
    return meeting !== undefined && control.command !== command.pause && this.#turnsOfActors() !== this.#turns;
  }

  /** In lockstep, turns are looked at when a round begins. */
  #lookAtTurns(): void {
    if (this.#parts.meeting === undefined) this.#turns = this.#turnsOfActors();
  }

  #mayEnd(): boolean {
    const { control, actors } = this.#parts;
    if (control.command === command.abort) return true;
    return control.command !== command.pause && actors.every(isDone);
  }

  /** The learner to serve now; undefined while none owes anything, while paused, and some time after a stop. */
  #next(): LearnerShare | undefined {
    const asked = this.#parts.control.command;
    if (asked === command.pause || asked === command.abort) return undefined;
    if (asked === command.stop) {
      if (this.#stopAt === Infinity) this.#stopAt = performance.now() + stopGraceMs;
      if (performance.now() >= this.#stopAt) return undefined;
    }
    this.#lookAtTurns();
    return this.#hasMet ? undefined : this.#furthestBehind();
  }

  #furthestBehind(): LearnerShare | undefined {
    const { shares } = this.#parts;
    let best: LearnerShare | undefined;
    let bestArrears = 0;
    for (let index = 0; index < shares.length; index++) {
      const share = shares[index];
      const arrears = this.#arrears(share) * share.priority;
      if (arrears > bestArrears && share.learner.isReady) {
        best = share;
        bestArrears = arrears;
      }
    }
    return best;
  }

  /** Training steps that a policy owes by now and has not done. */
  #arrears({ learner, rate }: LearnerShare): number {
    return owedTrainSteps(this.#turns, rate) - learner.trainSteps;
  }

  /** Turns taken so far, of all actors together. */
  #turnsOfActors(): number {
    const { turns } = this.#parts;
    let total = 0;
    for (let actor = 0; actor < turns.length; actor++) total += turns[actor].value();
    return total;
  }

  #ringActors(): void {
    const { actors } = this.#parts;
    for (let actor = 0; actor < actors.length; actor++) actors[actor].doorbell.ring();
  }
}

function isDone(actor: WorkerControl): boolean {
  return actor.isDone;
}
