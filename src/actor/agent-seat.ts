import type { ActingPolicy, EpsilonSchedule } from '../algorithms/algorithm.js';
import type { Layout } from '../buffer/layout.js';
import type { RingWriter, Transition } from '../buffer/ring-writer.js';
import type { AgentSpec, ObservationArray } from '../environment/environment.js';
import { MarlinError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';
import { countLegal, epsilonAt, nthLegal } from './exploration.js';
import type { PolicyLink } from './policy-link.js';

/** Where an agent's current step lies in its policy's memory: byte offsets, plain data. */
export interface SeatPlan {
  /** The observation acted on, in the environment's dtype. */
  readonly observation: number;
  /** The observation after the last step of an episode. */
  readonly finalObservation: number;
  /** u8 [action count] */
  readonly legal: number;
  readonly finalLegal: number;
  /** f32 [frames × observation size]: the frames of the running episode, oldest first. */
  readonly frames: number;
}

export function planSeat(layout: Layout, agent: AgentSpec, frames: number): SeatPlan {
  const { size, dtype } = agent.observation;
  const bytes = size * (dtype === 'u8' ? 1 : 4);
  return {
    observation: layout.reserve(bytes),
    finalObservation: layout.reserve(bytes),
    legal: layout.reserve(agent.action.count),
    finalLegal: layout.reserve(agent.action.count),
    frames: layout.reserve(frames * size * 4),
  };
}

/** What a seat needs from its surroundings. */
export interface SeatParts {
  readonly agent: AgentSpec;
  readonly plan: SeatPlan;
  readonly frames: number;
  readonly epsilon: EpsilonSchedule | undefined;
  readonly kernels: Kernels;
  readonly policy: ActingPolicy;
  readonly link: PolicyLink;
  readonly writer: RingWriter;
}

/**
 * One agent's place in an actor: it holds the step that is under way, chooses its action, and writes it to the agent's
 * ring once the turn is over. Observations are written by the environment straight into policy memory, where the
 * network and the ring read them.
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
  readonly #frameBytes: number;
  #random: RandomStream | undefined;

  constructor(parts: SeatParts) {
    const { agent, plan } = parts;
    const { buffer } = parts.kernels.memory;
    const { size } = agent.observation;
    this.agent = agent;
    this.link = parts.link;
    this.observation = observationView(agent, buffer, plan.observation);
    this.finalObservation = observationView(agent, buffer, plan.finalObservation);
    this.legal = agent.hasActionMask ? new Uint8Array(buffer, plan.legal, agent.action.count) : undefined;
    this.finalLegal = agent.hasActionMask ? new Uint8Array(buffer, plan.finalLegal, agent.action.count) : undefined;
    this.#parts = parts;
    this.#frameBytes = parts.frames * size * 4;
    this.#transition = {
      observation: plan.observation,
      action: 0,
      reward: 0,
      terminated: false,
      truncated: false,
      finalObservation: plan.finalObservation,
      legal: plan.legal,
      finalLegal: plan.finalLegal,
      fields: [],
    };
  }

  /** @param random the stream of this agent's exploration in the epoch */
  beginEpoch(random: RandomStream): void {
    this.#random = random;
    this.reward = 0;
    this.#beginEpisode();
  }

  /** Chooses the action for what `observation` (and `legal`) hold. */
  choose(epoch: number, turns: number): number {
    const { kernels, plan, frames, agent, epsilon } = this.#parts;
    const { size, dtype } = agent.observation;
    const scale = agent.observation.scale ?? 1;
    // Random actions need no network, but the frames of an episode must be unbroken.
    if (dtype === 'u8') kernels.pushFrameU8(plan.frames, plan.observation, frames, size, scale);
    else kernels.pushFrameF32(plan.frames, plan.observation, frames, size, scale);

    const random = this.#random;
    if (random === undefined) throw new MarlinError('ERR_STATE', 'An agent was asked to act before its epoch began.');
    let action: number;
    if (epsilon !== undefined) {
      this.epsilon = epsilonAt(epsilon, epoch, turns);
      action = random.uniform() < this.epsilon ? this.#chooseRandom(random) : this.#chooseByPolicy(random);
    } else {
      action = this.#chooseByPolicy(random);
    }
    this.#transition.action = action;
    return action;
  }

  /** Writes the step to the ring. `finalObservation` must be filled where the episode ended. */
  finish(reward: number, terminated: boolean, truncated: boolean): void {
    const transition = this.#transition;
    this.reward += reward;
    transition.reward = reward;
    transition.terminated = terminated;
    transition.truncated = truncated;
    this.#parts.writer.append(transition);
    if (terminated || truncated) this.#beginEpisode();
  }

  #beginEpisode(): void {
    this.#parts.kernels.fillBytes(this.#parts.plan.frames, 0, this.#frameBytes);
  }

  #chooseRandom(random: RandomStream): number {
    if (this.legal === undefined) return random.integer(this.agent.action.count);
    const choices = countLegal(this.legal);
    if (choices === 0) throw this.#noLegalAction();
    return nthLegal(this.legal, random.integer(choices));
  }

  #chooseByPolicy(random: RandomStream): number {
    const { policy, plan, link } = this.#parts;
    const parameters = link.reader.acquire();
    const action = policy.act(parameters, plan.frames, this.legal === undefined ? undefined : plan.legal, random);
    link.reader.release();
    link.noteAction();
    if (action < 0) throw this.#noLegalAction();
    return action;
  }

  #noLegalAction(): MarlinError {
    return new MarlinError('ERR_ENVIRONMENT', `The environment offers ${this.agent.id} no legal action.`);
  }
}

function observationView(agent: AgentSpec, buffer: ArrayBufferLike, offset: number): ObservationArray {
  const { dtype, size } = agent.observation;
  return dtype === 'u8' ? new Uint8Array(buffer, offset, size) : new Float32Array(buffer, offset, size);
}
