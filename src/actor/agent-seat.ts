import type { EpsilonSchedule } from '../algorithms/algorithm.js';
import type { Layout } from '../buffer/layout.js';
import type { RingField } from '../buffer/ring-plan.js';
import { rowsPerClaim } from '../buffer/ring-plan.js';
import type { RingWriter, Transition } from '../buffer/ring-writer.js';
import { actionMaskSize } from '../environment/action-space.js';
import type { Action, AgentSpec, ObservationArray } from '../environment/environment.js';
import type { RandomStream } from '../random.js';
import type { AgentPlayer, PlayerPlan } from './agent-player.js';
import { observationView, planPlayer } from './agent-player.js';
import { epsilonAt } from './exploration.js';
import type { PolicyLink } from './policy-link.js';

/** Where an agent's current step lies in its policy's memory: byte offsets, plain data. */
export interface SeatPlan extends PlayerPlan {
  /** The observation behind the last step of an episode or a rollout. */
  readonly finalObservation: number;
  readonly finalLegal: number;
}

export function planSeat(layout: Layout, agent: AgentSpec, frames: number, fields: readonly RingField[]): SeatPlan {
  const { size, dtype } = agent.observation;
  return {
    ...planPlayer(layout, agent, frames, fields),
    finalObservation: layout.reserve(size * (dtype === 'u8' ? 1 : 4)),
    finalLegal: layout.reserve(actionMaskSize(agent.action)),
  };
}

/** What a seat needs from its surroundings. */
export interface SeatParts {
  readonly player: AgentPlayer;
  readonly plan: SeatPlan;
  /** Memory of the policy. */
  readonly buffer: SharedArrayBuffer;
  /** Turns of the run after which the policy's rollouts end; Infinity where it learns from no rollouts. */
  readonly rolloutTurns: number;
  /** Turns of the run up to which steps are in the ring already; those played again are not written. Default 0. */
  readonly writtenTurns?: number | undefined;
  readonly epsilon: EpsilonSchedule | undefined;
  readonly link: PolicyLink;
  readonly writer: Pick<RingWriter, 'append' | 'pass' | 'bookmark'>;
}

/**
 * One agent's place in an actor: it holds the step that is under way, chooses its action, and writes it to the agent's
 * ring once the turn is over.
 */
export class AgentSeat {
  readonly agent: AgentSpec;
  readonly link: PolicyLink;
  readonly observation: ObservationArray;
  readonly finalObservation: ObservationArray;
  /** Undefined where the environment masks no action of this agent. */
  readonly legal: Uint8Array | undefined;
  readonly finalLegal: Uint8Array | undefined;
  /** Summed reward of the epoch so far. */
  reward = 0;
  epsilon = 0;

  readonly #parts: SeatParts;
  readonly #transition: Transition;
  readonly #writtenTurns: number;

  constructor(parts: SeatParts) {
    const { player, plan, buffer } = parts;
    const { agent } = player;
    this.agent = agent;
    this.link = parts.link;
    this.observation = player.observation;
    this.finalObservation = observationView(agent, buffer, plan.finalObservation);
    this.legal = player.legal;
    this.finalLegal = this.legal === undefined ? undefined : new Uint8Array(buffer, plan.finalLegal, this.legal.length);
    this.#parts = parts;
    this.#writtenTurns = parts.writtenTurns ?? 0;
    this.#transition = {
      observation: plan.observation,
      action: player.words,
      reward: 0,
      terminated: false,
      truncated: false,
      cut: false,
      finalObservation: plan.finalObservation,
      legal: plan.legal,
      finalLegal: plan.finalLegal,
      fields: player.fields,
    };
  }

  /**
   * @param random the stream of this agent's exploration in the epoch
   * @param turns turns of the run before it
   */
  beginEpoch(random: RandomStream, turns: number): void {
    const { player, writer } = this.#parts;
    player.random = random;
    this.reward = 0;
    player.beginEpisode();
    if (turns >= this.#writtenTurns) writer.bookmark(turns, 0);
  }

  /** Chooses the action for what `observation` (and `legal`) hold. */
  choose(epoch: number, turns: number): Action {
    const { player, epsilon } = this.#parts;
    // Random actions need no network, but the frames of an episode must be unbroken.
    player.see();
    if (epsilon === undefined) {
      this.#chooseByPolicy();
    } else {
      this.epsilon = epsilonAt(epsilon, epoch, turns);
      if (player.random.uniform() < this.epsilon) player.chooseAtRandom();
      else this.#chooseByPolicy();
    }
    return player.action;
  }

  /** True where a rollout of this agent's policy ends after so many turns of the run. */
  endsRollout(turns: number): boolean {
    return turns % this.#parts.rolloutTurns === 0;
  }

  /**
   * Writes the step to the ring. `finalObservation` must be filled where the episode or the rollout ended.
   * @param cut the rollout ends here, though the episode goes on
   * @param turns turns of the run, this one included
   */
  finish(reward: number, terminated: boolean, truncated: boolean, cut: boolean, turns: number): void {
    const { writer, player } = this.#parts;
    const transition = this.#transition;
    this.reward += reward;
    transition.reward = reward;
    transition.terminated = terminated;
    transition.truncated = truncated;
    transition.cut = cut;
    if (turns > this.#writtenTurns) {
      if (cut) writer.bookmark(turns, rowsPerClaim);
      writer.append(transition);
    } else {
      writer.pass(transition);
    }
    if (terminated || truncated) player.beginEpisode();
  }

  #chooseByPolicy(): void {
    const { player, link } = this.#parts;
    const parameters = link.reader.acquire();
    player.chooseByPolicy(parameters, link.reader.version);
    link.reader.release();
    link.noteAction();
  }
}
