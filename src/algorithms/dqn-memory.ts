import type { Layout } from '../buffer/layout.js';
import { planTransitionBatch } from '../buffer/transition-batch.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import { planInputRows } from '../network/input-rows.js';
import type { InputRowsPlan } from '../network/input-rows.js';
import { planNoiseGenerator } from '../network/noise-source.js';
import type { NoisyWeightsWorkspace } from '../network/noisy-weights.js';
import type { ReturnSupport } from '../network/q-head.js';
import { actionCountOf } from './action-values.js';
import type { AlgorithmContext } from './algorithm.js';
import type { DqnConfiguration } from './dqn.js';
import { dqnNetworkScratchBytes, planDqnActivations, planDqnNetwork, planDqnNoise } from './dqn-network.js';
import type { DqnActivations, DqnNetworkPlan } from './dqn-network.js';

// Where everything of a DQN lies in memory. The same functions count the bytes and hand out the offsets.

export function planNetwork(configuration: DqnConfiguration, context: AlgorithmContext): DqnNetworkPlan {
  const { agent } = context;
  return planDqnNetwork({
    observationSize: agent.observation.size * configuration.frameStack,
    hiddenSizes: configuration.hiddenSizes,
    actionCount: actionCountOf(context, 'dqn'),
    dueling: configuration.dueling,
    support: supportOf(configuration),
    noise: configuration.noise.kind === 'none' ? undefined : configuration.noise,
  });
}

function supportOf({ distribution }: DqnConfiguration): ReturnSupport | undefined {
  if (distribution.kind === 'none') return undefined;
  const { atoms, minimum, maximum } = distribution;
  return { atoms, minimum, step: (maximum - minimum) / (atoms - 1) };
}

/** What a training step works with: byte offsets into scratch memory. */
export interface DqnWorkspace {
  readonly batch: TransitionBatch;
  readonly observation: InputRowsPlan;
  readonly nextObservation: InputRowsPlan;
  /** Of the batch's observations and, behind them, for double Q-learning of its next observations. */
  readonly online: DqnActivations;
  readonly target: DqnActivations;
  readonly upstream: DqnActivations;
  readonly noise: readonly NoisyWeightsWorkspace[];
  readonly gradients: number;
  /** f32 [2, atoms]: room for the projection of a distribution. */
  readonly projection: number;
  /** f64 [3]: loss, mean Q(s, a), mean |td|. */
  readonly figures: number;
  readonly network: number;
}

export function planWorkspace(
  layout: Layout,
  network: DqnNetworkPlan,
  configuration: DqnConfiguration,
  context: AlgorithmContext,
): DqnWorkspace {
  const { agent, batchSize } = context;
  const observationSize = agent.observation.size * configuration.frameStack;
  const onlineRows = configuration.doubleQ ? 2 * batchSize : batchSize;
  return {
    batch: planTransitionBatch(
      layout,
      batchSize,
      observationSize,
      1,
      actionCountOf(context, 'dqn'),
      agent.hasActionMask ?? false,
    ),
    observation: planInputRows(layout, batchSize, observationSize),
    nextObservation: planInputRows(layout, batchSize, observationSize),
    online: planDqnActivations(layout, network, onlineRows),
    target: planDqnActivations(layout, network, batchSize),
    upstream: planDqnActivations(layout, network, batchSize),
    noise: planDqnNoise(layout, network),
    gradients: layout.reserve(network.parameterCount * 4),
    projection: layout.reserve(2 * network.head.atoms * 4),
    figures: layout.reserve(3 * 8),
    network: layout.reserve(dqnNetworkScratchBytes(network, onlineRows)),
  };
}

export interface DqnPolicyWorkspace {
  readonly observation: InputRowsPlan;
  readonly activations: DqnActivations;
  readonly noise: readonly NoisyWeightsWorkspace[];
  /** The generator of noise, seeded anew for each action. */
  readonly generator: number;
  readonly network: number;
}

export function planPolicyWorkspace(layout: Layout, plan: DqnNetworkPlan): DqnPolicyWorkspace {
  return {
    observation: planInputRows(layout, 1, plan.hidden[0].inputs),
    activations: planDqnActivations(layout, plan, 1),
    noise: planDqnNoise(layout, plan),
    generator: planNoiseGenerator(layout),
    network: layout.reserve(dqnNetworkScratchBytes(plan, 1)),
  };
}
