import type { Layout } from '../buffer/layout.js';
import type { Kernels } from '../kernels/kernels.js';
import { InputRows, planInputRows } from '../network/input-rows.js';
import type { InputRowsPlan } from '../network/input-rows.js';
import { planLayerValues } from '../network/perceptron.js';
import type { LayerValues } from '../network/perceptron.js';
import type { RandomStream } from '../random.js';
import { PpoNetwork, ppoNetworkScratchBytes } from './ppo-network.js';
import type { InitialWeights, PpoNetworkPlan } from './ppo-network.js';

/** Where the networks leave what they compute for the rows of a minibatch, and find its gradients: byte offsets. */
export interface NetworkValues {
  /** f32 [rows, outputs] of the policy. */
  readonly outputs: number;
  /** f32 [rows] */
  readonly values: number;
  /** Gradients of the same. */
  readonly outputGradient: number;
  readonly valueGradient: number;
}

/** Passes of an actor and a critic, whatever computes them, by the parameters in the learner's state. */
export interface PpoPasses {
  /** Draws the first parameters of the networks into the block. */
  initialize(block: Float32Array, random: RandomStream): void;
  /** Fills `values` for `rows` observations, at most those of a minibatch, f32 at byte `observation`. */
  computeValues(observation: number, rows: number): void;
  /**
   * A forward pass of the minibatch, `losses`, and a backward pass.
   * @param losses called in between: finds `outputs` and `values`, leaves their gradients
   */
  differentiate(rows: number, losses: () => void): void;
}

/** Byte offsets of what the layers of actor and critic compute. */
export interface PpoPassWorkspace {
  readonly input: InputRowsPlan;
  readonly actor: LayerValues;
  readonly critic: LayerValues;
  readonly actorUpstream: LayerValues;
  readonly criticUpstream: LayerValues;
  readonly network: number;
}

export function planPassWorkspace(layout: Layout, network: PpoNetworkPlan, rows: number): PpoPassWorkspace {
  return {
    input: planInputRows(layout, rows, network.actor.layers[0].inputs),
    actor: planLayerValues(layout, network.actor, rows),
    critic: planLayerValues(layout, network.critic, rows),
    actorUpstream: planLayerValues(layout, network.actor, rows),
    criticUpstream: planLayerValues(layout, network.critic, rows),
    network: layout.reserve(ppoNetworkScratchBytes(network, rows)),
  };
}

export function networkValues({ actor, critic, actorUpstream, criticUpstream }: PpoPassWorkspace): NetworkValues {
  return {
    outputs: actor[actor.length - 1],
    values: critic[critic.length - 1],
    outputGradient: actorUpstream[actorUpstream.length - 1],
    valueGradient: criticUpstream[criticUpstream.length - 1],
  };
}

/** What the passes of the built-in networks work with. */
export interface KernelPassParts {
  readonly network: PpoNetworkPlan;
  readonly initialWeights: InitialWeights;
  readonly workspace: PpoPassWorkspace;
  /** Byte offsets of the parameters, of their gradients, and of the observations of a minibatch. */
  readonly parameters: number;
  readonly gradients: number;
  readonly observation: number;
}

/** The passes of the built-in networks. Allocates nothing. */
export class KernelPasses implements PpoPasses {
  readonly #parts: KernelPassParts;
  readonly #network: PpoNetwork;
  readonly #input: InputRows;

  constructor(parts: KernelPassParts, kernels: Kernels) {
    this.#parts = parts;
    this.#network = new PpoNetwork(parts.network, kernels, parts.workspace.network);
    this.#input = new InputRows(parts.workspace.input, kernels);
  }

  initialize(block: Float32Array, random: RandomStream): void {
    this.#network.initialize(block, this.#parts.initialWeights, random);
  }

  computeValues(observation: number, rows: number): void {
    const { parameters, workspace } = this.#parts;
    this.#input.scan(observation, rows);
    this.#network.critic.forward(parameters, this.#input, workspace.critic);
  }

  differentiate(rows: number, losses: () => void): void {
    const { parameters, gradients, observation, workspace } = this.#parts;
    const { actor, critic, actorUpstream, criticUpstream } = workspace;
    const network = this.#network;
    const input = this.#input;
    input.scan(observation, rows);
    network.actor.forward(parameters, input, actor);
    network.critic.forward(parameters, input, critic);
    losses();
    network.actor.backward(parameters, gradients, input, actor, actorUpstream);
    network.critic.backward(parameters, gradients, input, critic, criticUpstream);
  }
}
