import type { Layout } from '../buffer/layout.js';
import { planTransitionBatch } from '../buffer/transition-batch.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import { planInputRows } from '../network/input-rows.js';
import type { InputRowsPlan } from '../network/input-rows.js';
import { actionCountOf } from './action-values.js';
import type { AlgorithmContext } from './algorithm.js';
import type { IqnConfiguration } from './iqn.js';
import { iqnNetworkScratchBytes, planIqnActivations, planIqnNetwork, planIqnNoise } from './iqn-network.js';
import type { IqnActivations, IqnNetworkPlan, IqnNoiseWorkspace, IqnUpstream } from './iqn-network.js';

// Where everything of an IQN lies in memory. The same functions count the bytes and hand out the offsets.

export function planNetwork(configuration: IqnConfiguration, context: AlgorithmContext): IqnNetworkPlan {
  const { hiddenSizes, cosines, noise, frameStack } = configuration;
  return planIqnNetwork({
    observationSize: context.agent.observation.size * frameStack,
    hiddenSizes,
    cosines,
    actionCount: actionCountOf(context, 'iqn'),
    noise: noise.kind === 'none' ? undefined : noise,
  });
}

/** What a training step works with: byte offsets into scratch memory. rows = batch size × quantiles. */
export interface IqnWorkspace {
  readonly batch: TransitionBatch;
  readonly observation: InputRowsPlan;
  readonly nextObservation: InputRowsPlan;
  /** Of one forward pass after another: the last one's is what is trained. */
  readonly activations: IqnActivations;
  readonly noise: IqnNoiseWorkspace;
  /** f32 [rows]: the fractions of a pass. */
  readonly tau: number;
  /** f32 [rows, actions]: quantile values of the online network at the observations. */
  readonly values: number;
  /** f32 [batch, actions]: its means at the next observations. */
  readonly nextMeans: number;
  /** f32 [rows, actions]: quantile values of the target network at the next observations. */
  readonly nextValues: number;
  /** f32 [rows]: what the quantiles are to come to. */
  readonly targets: number;
  readonly upstream: IqnUpstream;
  readonly gradients: number;
  /** f64 [3], see `quantileLoss`. */
  readonly figures: number;
  readonly network: number;
}

export function planWorkspace(
  layout: Layout,
  network: IqnNetworkPlan,
  { frameStack, quantiles }: IqnConfiguration,
  { agent, batchSize }: AlgorithmContext,
): IqnWorkspace {
  const { first, hidden, head } = network;
  const { actions } = head;
  const observationSize = agent.observation.size * frameStack;
  const rows = batchSize * quantiles;
  return {
    batch: planTransitionBatch(layout, batchSize, observationSize, 1, actions, agent.hasActionMask ?? false),
    observation: planInputRows(layout, batchSize, observationSize),
    nextObservation: planInputRows(layout, batchSize, observationSize),
    activations: planIqnActivations(layout, network, batchSize, quantiles),
    noise: planIqnNoise(layout, network),
    tau: layout.reserve(rows * 4),
    values: layout.reserve(rows * actions * 4),
    nextMeans: layout.reserve(batchSize * actions * 4),
    nextValues: layout.reserve(rows * actions * 4),
    targets: layout.reserve(rows * 4),
    upstream: {
      features: layout.reserve(batchSize * first.outputs * 4),
      hidden: layout.reserve(rows * hidden.outputs * 4),
      streams: layout.reserve(rows * head.linear.outputs * 4),
      values: layout.reserve(rows * actions * 4),
    },
    gradients: layout.reserve(network.parameterCount * 4),
    figures: layout.reserve(3 * 8),
    network: layout.reserve(iqnNetworkScratchBytes(network, batchSize, quantiles)),
  };
}

export interface IqnPolicyWorkspace {
  readonly observation: InputRowsPlan;
  readonly activations: IqnActivations;
  /** f32 [quantiles]: the grid of fractions. */
  readonly tau: number;
  /** f32 [actions] */
  readonly values: number;
  readonly network: number;
}

export function planPolicyWorkspace(
  layout: Layout,
  plan: IqnNetworkPlan,
  { quantiles }: IqnConfiguration,
): IqnPolicyWorkspace {
  return {
    observation: planInputRows(layout, 1, plan.first.inputs),
    activations: planIqnActivations(layout, plan, 1, quantiles),
    tau: layout.reserve(quantiles * 4),
    values: layout.reserve(plan.head.actions * 4),
    network: layout.reserve(iqnNetworkScratchBytes(plan, 1, quantiles)),
  };
}
