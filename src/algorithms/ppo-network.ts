import type { ActionSpace } from '../environment/environment.js';
import type { Kernels } from '../kernels/kernels.js';
import { ParameterLayout } from '../network/parameter-layout.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import { Perceptron, perceptronScratchBytes, planPerceptron } from '../network/perceptron.js';
import type { PerceptronPlan } from '../network/perceptron.js';
import type { RandomStream } from '../random.js';
import { planDistribution } from './action-distribution.js';
import type { DistributionPlan } from './action-distribution.js';

/** Sizes of an actor and a critic and the layout of their parameters. Plain data. */
export interface PpoNetworkPlan {
  /** `aw1`, `ab1`, … with tanh; the last layer gives the distribution's outputs. */
  readonly actor: PerceptronPlan;
  /** `cw1`, `cb1`, … with tanh; the last layer gives one value. */
  readonly critic: PerceptronPlan;
  /** Over the actions, with `logStd` where they are a box. */
  readonly distribution: DistributionPlan;
  readonly parameters: readonly ParameterTensor[];
  readonly parameterCount: number;
}

/** @param observationSize values of one stacked observation */
export function planPpoNetwork(
  observationSize: number,
  hiddenSizes: readonly number[],
  space: ActionSpace,
): PpoNetworkPlan {
  const layout = new ParameterLayout();
  const distribution = planDistribution(layout, space);
  const actor = planPerceptron(layout, 'a', observationSize, hiddenSizes, distribution.outputs, 'tanh');
  const critic = planPerceptron(layout, 'c', observationSize, hiddenSizes, 1, 'tanh');
  return { actor, critic, distribution, parameters: layout.tensors, parameterCount: layout.count };
}

export function ppoNetworkScratchBytes({ actor, critic }: PpoNetworkPlan, rows: number): number {
  return Math.max(perceptronScratchBytes(actor, rows), perceptronScratchBytes(critic, rows));
}

/** How the first weights are drawn: see `initializeOrthogonal` and `initializeLinear`. */
export type InitialWeights = 'orthogonal' | 'uniform';

/** Of hidden layers (√2), of a policy that begins with all actions about as likely, of a critic. */
const gains = { hidden: Math.SQRT2, policy: 0.01, value: 1 } as const;

/** Separate actor and critic over the same observations; they share nothing but the scan for zeros. */
export class PpoNetwork {
  readonly actor: Perceptron;
  readonly critic: Perceptron;
  readonly #distribution: DistributionPlan;

  /** @param scratch byte offset of {@link ppoNetworkScratchBytes} */
  constructor(plan: PpoNetworkPlan, kernels: Kernels, scratch: number) {
    this.actor = new Perceptron(plan.actor, kernels, scratch);
    this.critic = new Perceptron(plan.critic, kernels, scratch);
    this.#distribution = plan.distribution;
  }

  /** Normal distributions begin with σ = 1. */
  initialize(block: Float32Array, kind: InitialWeights, random: RandomStream): void {
    const { logStd, outputs } = this.#distribution;
    if (logStd !== undefined) block.fill(0, logStd, logStd + outputs);
    if (kind === 'uniform') {
      this.actor.initialize(block, random);
      this.critic.initialize(block, random);
    } else {
      this.actor.initializeOrthogonal(block, [gains.hidden, gains.policy], random);
      this.critic.initializeOrthogonal(block, [gains.hidden, gains.value], random);
    }
  }
}
