import type { TurnEnvironment } from '../environment/environment.js';
import { MarlinError } from '../errors.js';
import type { EpochRowShape } from '../metrics/epoch-row.js';
import { agentColumns, runColumns } from '../metrics/epoch-row.js';
import { nowMs } from '../metrics/clock.js';
import { probes } from '../metrics/probes.js';
import { RandomStream } from '../random.js';
import type { AgentSeat } from './agent-seat.js';
import type { PolicyLink } from './policy-link.js';
import { RewardWindow } from './reward-window.js';

/** When an actor ends by itself. Infinity: never for this reason. */
export interface StopConditions {
  readonly epochs: number;
  readonly totalTurns: number;
  readonly maxSeconds: number;
  /** Ends once the mean summed reward of the last 100 epochs reaches this; undefined: never. */
  readonly stopAtReward?: number | undefined;
}

/** How far an actor was at the end of an epoch, for another to go on from there. Plain data. */
export interface ActorStart {
  /** Its report; all zeros where there is none yet. */
  readonly row: readonly number[];
  /** Summed rewards of the last epochs, oldest first. */
  readonly rewards: readonly number[];
}

export interface ActorParts {
  readonly environment: TurnEnvironment;
  /** One per agent, in the environment's order. */
  readonly seats: readonly AgentSeat[];
  /** One per policy. */
  readonly links: readonly PolicyLink[];
  readonly seed: number;
  /** Number of this environment copy. */
  readonly copy: number;
  /** Turns of an epoch at the most. */
  readonly maxTurns: number;
  readonly stop: StopConditions;
  /** Where a run that is resumed goes on. Default: at its beginning. */
  readonly start?: ActorStart | undefined;
  readonly shape: EpochRowShape;
  /** Takes the row of an epoch; the array is reused. */
  readonly report: (row: Float64Array) => void;
}

/** Turns between two looks at the clock grow to this many while they take no longer than so many milliseconds together. */
const longestClockInterval = 16;
const longTurnsMs = 10;

/**
 * Steps one environment: observes, chooses, acts, and writes each agent's step to its ring. Knows nothing of threads;
 * whoever holds it calls {@link playTurn} and decides when to wait. A turn allocates nothing once warm.
 */
export class Actor {
  /** Epochs completed. */
  epochs = 0;
  /** Turns taken since the run began. */
  turns = 0;
  /** Milliseconds waited for anything; whoever waits adds to it. */
  waitedMs = 0;
  /** True once a stop condition holds: do not play on. */
  finished = false;

  readonly #parts: ActorParts;
  readonly #row: Float64Array;
  readonly #window = new RewardWindow();
  readonly #startedMs: number;
  #turnsInEpoch = 0;
  /** Turns between the last look at the clock and the next, those of them left, and what it said. */
  #clockInterval = 1;
  #turnsToClock = 0;
  #clockMs: number;

  constructor(parts: ActorParts) {
    this.#parts = parts;
    this.#row = new Float64Array(parts.shape.width);
    const { row = this.#row, rewards = [] } = parts.start ?? {};
    this.epochs = row[runColumns.epochs];
    this.turns = row[runColumns.turns];
    this.waitedMs = row[runColumns.waitedMs];
    this.#startedMs = row[runColumns.startedMs] || nowMs();
    this.#clockMs = this.#startedMs;
    this.#window.goOn(rewards, this.epochs);
    for (const [policy, link] of parts.links.entries()) link.goOn(row, parts.shape.policy(policy));
    this.#checkConditions();
  }

  /** Plays one turn of every agent; begins an epoch before it and ends one after it where due. */
  playTurn(): void {
    const { environment, seats, maxTurns, stop } = this.#parts;
    const startMs = probes.turn.hasSubscribers ? nowMs() : 0;
    if (this.#turnsInEpoch === 0) this.#beginEpoch();
    environment.beginTurn();
    for (let agent = 0; agent < seats.length; agent++) {
      const seat = seats[agent];
      environment.observe(agent, seat.observation);
      if (seat.legal !== undefined) environment.legalActions?.(agent, seat.legal);
      environment.act(agent, seat.choose(this.epochs, this.turns));
    }
    environment.endTurn();
    this.turns++;
    this.#turnsInEpoch++;
    // The last turn of the run cuts its episodes short like the last of an epoch: every step has its successor.
    const isLast = environment.done || this.#turnsInEpoch >= maxTurns || this.turns >= stop.totalTurns;
    for (let agent = 0; agent < seats.length; agent++) this.#finishStep(agent, isLast);
    // Before the report of an epoch, which may wait: that is no part of the turn.
    if (startMs > 0) this.#tellTurn(startMs);
    if (environment.done || this.#turnsInEpoch >= maxTurns) this.#endEpoch();
    this.#checkConditions();
  }

  /** Whether the last 100 epochs have the mean reward at which the run is to end. */
  get isAtGoal(): boolean {
    return this.#window.reaches(this.#parts.stop.stopAtReward);
  }

  /** Reports how things stand, outside of the epochs' own reports: the last word of an actor. */
  reportEnd(): void {
    this.#report(false);
  }

  #tellTurn(startMs: number): void {
    probes.turn.publish({ turn: this.turns, epoch: this.epochs + 1, startMs, durationMs: nowMs() - startMs });
  }

  #beginEpoch(): void {
    const { environment, seats, seed, copy } = this.#parts;
    const epoch = this.epochs;
    environment.reset(RandomStream.named({ seed, role: 'environment', copy, epoch }));
    for (const seat of seats) {
      seat.beginEpoch(RandomStream.named({ seed, role: 'exploration', agent: seat.agent.id, copy, epoch }), this.turns);
    }
  }

  #finishStep(agent: number, isLast: boolean): void {
    const { environment, seats } = this.#parts;
    const seat = seats[agent];
    const reward = environment.rewards[agent];
    if (!Number.isFinite(reward)) {
      throw new MarlinError(
        'ERR_ENVIRONMENT',
        `The environment gave ${seat.agent.id} a reward of ${reward} at turn ${this.turns}; rewards must be finite.`,
      );
    }
    const terminated = environment.terminated[agent] !== 0;
    const truncated = !terminated && (isLast || environment.truncated[agent] !== 0);
    const cut = seat.endsRollout(this.turns);
    if (terminated || truncated || cut) {
      environment.observe(agent, seat.finalObservation);
      if (seat.finalLegal !== undefined) environment.legalActions?.(agent, seat.finalLegal);
    }
    seat.finish(reward, terminated, truncated, cut, this.turns);
  }

  #endEpoch(): void {
    this.epochs++;
    let reward = 0;
    for (const seat of this.#parts.seats) reward += seat.reward;
    this.#window.add(reward);
    this.#report(true);
    this.#turnsInEpoch = 0;
  }

  #checkConditions(): void {
    const { epochs, totalTurns, maxSeconds, stopAtReward } = this.#parts.stop;
    if (this.epochs >= epochs || this.turns >= totalTurns) this.finished = true;
    if (this.#turnsInEpoch === 0 && this.#window.reaches(stopAtReward)) this.finished = true;
    if (maxSeconds !== Infinity) this.#checkClock(maxSeconds);
  }

  /** Every turn while turns are long; not while they are short, for each look leaves a number on the heap. */
  #checkClock(maxSeconds: number): void {
    this.#turnsToClock--;
    if (this.#turnsToClock > 0) return;
    const seenMs = nowMs();
    const areLong = seenMs - this.#clockMs > longTurnsMs;
    this.#clockInterval = areLong ? 1 : Math.min(2 * this.#clockInterval, longestClockInterval);
    this.#turnsToClock = this.#clockInterval;
    this.#clockMs = seenMs;
    if (seenMs - this.#startedMs >= maxSeconds * 1000) this.finished = true;
  }

  #report(isWholeEpoch: boolean): void {
    const row = this.#row;
    const { shape } = this.#parts;
    row[runColumns.isWholeEpoch] = isWholeEpoch ? 1 : 0;
    row[runColumns.epochs] = this.epochs;
    row[runColumns.turnsInEpoch] = this.#turnsInEpoch;
    row[runColumns.turns] = this.turns;
    row[runColumns.startedMs] = this.#startedMs;
    row[runColumns.reportedMs] = nowMs();
    row[runColumns.waitedMs] = this.waitedMs;
    for (let agent = 0; agent < this.#parts.seats.length; agent++) {
      const first = shape.agent(agent);
      row[first + agentColumns.reward] = this.#parts.seats[agent].reward;
      row[first + agentColumns.epsilon] = this.#parts.seats[agent].epsilon;
    }
    for (let policy = 0; policy < this.#parts.links.length; policy++) {
      const first = shape.policy(policy);
      const link = this.#parts.links[policy];
      link.look(this.turns);
      link.report(row, first);
    }
    this.#parts.report(row);
  }
}
