import type { ActingPolicy, ActingStep } from '../algorithms/algorithm.js';
import type { Layout } from '../buffer/layout.js';
import type { RingField } from '../buffer/ring-plan.js';
import { actionMaskSize, actionSize } from '../environment/action-space.js';
import type { Action, AgentSpec, ObservationArray } from '../environment/environment.js';
import { drawAction } from '../environment/random-action.js';
import { MarlinError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';

/** Where what an agent sees and does lies in its policy's memory: byte offsets, plain data. */
export interface PlayerPlan {
  /** The observation acted on, in the environment's dtype. */
  readonly observation: number;
  /** u8 [mask size] */
  readonly legal: number;
  /** f32 [frames × observation size]: the frames of the running episode, oldest first. */
  readonly frames: number;
  /** i32 or (box) f32 [action size] */
  readonly action: number;
  /** What the policy notes of a step: one place per ring field of its algorithm. */
  readonly fields: readonly number[];
}

export function planPlayer(layout: Layout, agent: AgentSpec, frames: number, fields: readonly RingField[]): PlayerPlan {
  const { size, dtype } = agent.observation;
  return {
    observation: layout.reserve(size * (dtype === 'u8' ? 1 : 4)),
    legal: layout.reserve(actionMaskSize(agent.action)),
    frames: layout.reserve(frames * size * 4),
    action: layout.reserve(actionSize(agent.action) * 4),
    fields: fields.map((field) => layout.reserve(field.size * (field.dtype === 'u8' ? 1 : 4))),
  };
}

/** What a player needs from its surroundings. */
export interface PlayerParts {
  readonly agent: AgentSpec;
  readonly plan: PlayerPlan;
  readonly frames: number;
  readonly fields: readonly RingField[];
  readonly kernels: Kernels;
  readonly policy: ActingPolicy;
  /** The stream of the first epoch; see {@link AgentPlayer.random}. */
  readonly random: RandomStream;
}

/**
 * One agent's eyes and hands: it stacks the frames of the running episode and turns them into an action, by weights or
 * at random. Observations are written by the environment straight into policy memory, where the network reads them.
 */
export class AgentPlayer {
  readonly agent: AgentSpec;
  readonly observation: ObservationArray;
  /** Undefined where the environment masks no action of this agent. */
  readonly legal: Uint8Array | undefined;
  /** What the policy noted of the last step, one array per ring field. */
  readonly fields: readonly (Uint8Array | Int32Array | Float32Array)[];
  /** The words of the last action. */
  readonly words: Int32Array;

  readonly #parts: PlayerParts;
  readonly #step: ActingStep;
  readonly #scale: number;
  readonly #frameBytes: number;
  /** The numbers of a box, within its bounds; empty in other spaces. */
  readonly #clipped: Float32Array;

  constructor(parts: PlayerParts) {
    const { agent, plan } = parts;
    const { buffer } = parts.kernels.memory;
    const length = actionSize(agent.action);
    this.agent = agent;
    this.observation = observationView(agent, buffer, plan.observation);
    this.legal = agent.hasActionMask ? new Uint8Array(buffer, plan.legal, actionMaskSize(agent.action)) : undefined;
    this.fields = parts.fields.map((field, index) => fieldView(field, buffer, plan.fields[index]));
    this.words = new Int32Array(buffer, plan.action, length);
    this.#parts = parts;
    this.#scale = agent.observation.scale ?? 1;
    this.#frameBytes = parts.frames * agent.observation.size * 4;
    this.#clipped = new Float32Array(agent.action.kind === 'box' ? length : 0);
    this.#step = {
      parameters: 0,
      weightsVersion: -1,
      observation: plan.frames,
      legal: this.legal === undefined ? undefined : plan.legal,
      actionOffset: plan.action,
      action: this.words,
      actionValues: new Float32Array(buffer, plan.action, length),
      fields: this.fields,
      isGreedy: false,
      random: parts.random,
    };
  }

  /** The stream that choices are drawn from. */
  get random(): RandomStream {
    return this.#step.random;
  }

  set random(random: RandomStream) {
    this.#step.random = random;
  }

  /** Chooses the best action rather than a random draw from here on. */
  set isGreedy(isGreedy: boolean) {
    this.#step.isGreedy = isGreedy;
  }

  /** Forgets the frames of the episode before. */
  beginEpisode(): void {
    this.#parts.kernels.fillBytes(this.#parts.plan.frames, 0, this.#frameBytes);
  }

  /** Adds what `observation` holds to the frames. To be called on every turn, however the action is chosen. */
  see(): void {
    const { kernels, plan, frames, agent } = this.#parts;
    const { size, dtype } = agent.observation;
    if (dtype === 'u8') kernels.pushFrameU8(plan.frames, plan.observation, frames, size, this.#scale);
    else kernels.pushFrameF32(plan.frames, plan.observation, frames, size, this.#scale);
  }

  /** Lets the policy choose by the parameter block at byte `parameters`. */
  chooseByPolicy(parameters: number, weightsVersion: number): void {
    this.#step.parameters = parameters;
    this.#step.weightsVersion = weightsVersion;
    if (!this.#parts.policy.act(this.#step)) throw this.#noLegalAction();
  }

  chooseAtRandom(): void {
    const { action: space } = this.agent;
    const { random, action, actionValues } = this.#step;
    if (!drawAction(space, this.legal, 0, random, action, actionValues)) throw this.#noLegalAction();
  }

  /**
   * The last action, as the environment takes it. Numbers of a box are clipped to its bounds here and nowhere else: what
   * is learnt from is the action as it was chosen, since only that has the probability that was noted.
   */
  get action(): Action {
    const { action: space } = this.agent;
    if (space.kind === 'discrete') return this.words[0];
    if (space.kind === 'multi-discrete') return this.words;
    const { low, high } = space;
    const values = this.#step.actionValues;
    const clipped = this.#clipped;
    for (let index = 0; index < values.length; index++) {
      clipped[index] = Math.max(low, Math.min(high, values[index]));
    }
    return clipped;
  }

  #noLegalAction(): MarlinError {
    return new MarlinError('ERR_ENVIRONMENT', `The environment offers ${this.agent.id} no legal action.`);
  }
}

export function observationView(agent: AgentSpec, buffer: ArrayBufferLike, offset: number): ObservationArray {
  const { dtype, size } = agent.observation;
  return dtype === 'u8' ? new Uint8Array(buffer, offset, size) : new Float32Array(buffer, offset, size);
}

function fieldView(
  { dtype, size }: RingField,
  buffer: ArrayBufferLike,
  offset: number,
): Uint8Array | Int32Array | Float32Array {
  if (dtype === 'u8') return new Uint8Array(buffer, offset, size);
  return dtype === 'i32' ? new Int32Array(buffer, offset, size) : new Float32Array(buffer, offset, size);
}
