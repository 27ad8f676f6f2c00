import type { Layout } from '../buffer/layout.js';
import type { RingField } from '../buffer/ring-plan.js';
import { planRolloutBatch } from '../buffer/rollout-batch.js';
import type { RolloutBatch } from '../buffer/rollout-batch.js';
import { actionMaskSize, actionSize } from '../environment/action-space.js';
import { planAdam } from '../network/adam.js';
import type { AdamPlan } from '../network/adam.js';
import { planInputRows } from '../network/input-rows.js';
import type { InputRowsPlan } from '../network/input-rows.js';
import { planLayerValues } from '../network/perceptron.js';
import type { LayerValues } from '../network/perceptron.js';
import { planDistributionWorkspace } from './action-distribution.js';
import type { DistributionWorkspace, EvaluatedActions } from './action-distribution.js';
import type { AlgorithmContext } from './algorithm.js';
import type { PpoConfiguration } from './ppo.js';
import { planPpoNetwork, ppoNetworkScratchBytes } from './ppo-network.js';
import type { PpoNetworkPlan } from './ppo-network.js';
import { networkValues, planPassWorkspace } from './ppo-passes.js';
import type { NetworkValues, PpoPassWorkspace } from './ppo-passes.js';
import type { TrainingRate } from './training-rate.js';

// How much of everything PPO has, and where it lies in memory. The same functions count the bytes and hand out the
// offsets.

/** What is noted of each step while acting, in this order. */
export const ppoRingFields = [
  { name: 'logProbability', dtype: 'f32', size: 1 },
  { name: 'weightsVersion', dtype: 'i32', size: 1 },
] as const satisfies readonly RingField[];

/** Rings of one policy: one, as there is one actor. */
const rings = 1;

/** How a rollout is cut up. */
export interface RolloutSizes {
  /** Steps of a rollout. */
  readonly size: number;
  /** Rows of a minibatch; the last of a pass may have fewer. */
  readonly minibatchRows: number;
  readonly minibatches: number;
  /** Of one rollout: one for each minibatch of each pass. */
  readonly trainingSteps: number;
}

export function rolloutSizes({ rolloutTurns, minibatchSize, passes }: PpoConfiguration): RolloutSizes {
  const size = rolloutTurns * rings;
  const minibatches = Math.ceil(size / minibatchSize);
  return { size, minibatchRows: Math.min(size, minibatchSize), minibatches, trainingSteps: passes * minibatches };
}

/** When training steps come due: all those of a rollout at its end. */
export function rolloutRate(configuration: PpoConfiguration): TrainingRate {
  const { trainingSteps } = rolloutSizes(configuration);
  return { trainInterval: configuration.rolloutTurns, gradientSteps: trainingSteps, learningStarts: 0 };
}

export function planNetwork(configuration: PpoConfiguration, { agent }: AlgorithmContext): PpoNetworkPlan {
  const observationSize = agent.observation.size * configuration.frameStack;
  return planPpoNetwork(observationSize, configuration.hiddenSizes, agent.action);
}

/** What training depends on of the networks, whatever computes them. */
export type PpoSizes = Pick<PpoNetworkPlan, 'distribution' | 'parameterCount'>;

/** Everything a learner needs to go on: byte offsets into its state. The parameters come first. */
export interface PpoState {
  readonly parameters: number;
  readonly adam: AdamPlan;
  /** f64 [1]: training steps done. */
  readonly trainingSteps: number;
  /** Two words of 64 bits: the generator that minibatches are drawn from. */
  readonly generator: number;
  /** i32 [1]: version of the weights that collected the last rollout; −1 before the first. */
  readonly lastVersion: number;
}

export function planState(layout: Layout, { parameterCount }: Pick<PpoSizes, 'parameterCount'>): PpoState {
  return {
    parameters: layout.reserve(parameterCount * 4),
    adam: planAdam(layout, parameterCount),
    trainingSteps: layout.reserve(8),
    generator: layout.reserve(16),
    lastVersion: layout.reserve(4),
  };
}

/** What is known of a rollout while it is learnt: byte offsets. */
export interface RolloutFigures {
  /** f32 [size]: by the critic before the first training step. */
  readonly value: number;
  /** f32 [size]: of the observations behind cut steps. */
  readonly cutValue: number;
  /** f32 [size] */
  readonly advantage: number;
  /** f32 [size]: what the values are trained towards. */
  readonly returns: number;
  /** i32 [size]: the rows in the order of the running pass. */
  readonly order: number;
  /** f64 [1] */
  readonly explainedVariance: number;
}

/** What one training step works on: byte offsets, dense, one row per step of the rollout. */
export interface PpoMinibatch {
  /** f32 [rows, observation size] */
  readonly observation: number;
  readonly actions: EvaluatedActions;
  /** f32 [rows]: by the weights that acted. */
  readonly oldLogProbability: number;
  /** f32 [rows]; a training step standardizes them in place. */
  readonly advantage: number;
  /** f32 [rows] */
  readonly returns: number;
}

/** What a trainer works with: byte offsets into scratch memory. */
export interface PpoWorkspace {
  readonly batch: RolloutBatch;
  readonly rollout: RolloutFigures;
  readonly minibatch: PpoMinibatch;
  readonly networkValues: NetworkValues;
  readonly distribution: DistributionWorkspace;
  /** f32 [rows]: dloss/dlog-probability. */
  readonly slope: number;
  readonly gradients: number;
  /** f64 [4], see `clippedSurrogate`, and f64 [1], see `valueLoss`. */
  readonly policyFigures: number;
  readonly valueFigure: number;
}

/** What a trainer of the built-in networks works with. */
export function planWorkspace(
  layout: Layout,
  network: PpoNetworkPlan,
  configuration: PpoConfiguration,
  context: AlgorithmContext,
): PpoWorkspace & PpoPassWorkspace {
  const passes = planPassWorkspace(layout, network, rolloutSizes(configuration).minibatchRows);
  return { ...passes, ...planTraining(layout, network, configuration, context, networkValues(passes)) };
}

/** @param values where the networks leave what they compute for a minibatch */
export function planTraining(
  layout: Layout,
  sizes: PpoSizes,
  configuration: PpoConfiguration,
  { agent }: AlgorithmContext,
  values: NetworkValues,
): PpoWorkspace {
  const { size, minibatchRows } = rolloutSizes(configuration);
  const { rolloutTurns: turns, frameStack } = configuration;
  const observationSize = agent.observation.size * frameStack;
  const widths = { observationSize, actionSize: actionSize(agent.action), maskSize: actionMaskSize(agent.action) };
  const hasActionMask = agent.hasActionMask ?? false;
  return {
    batch: planRolloutBatch(layout, { turns, rings, ...widths }, hasActionMask, ppoRingFields),
    rollout: planRolloutFigures(layout, size),
    minibatch: {
      observation: layout.reserve(minibatchRows * observationSize * 4),
      actions: {
        outputs: values.outputs,
        action: layout.reserve(minibatchRows * widths.actionSize * 4),
        legal: hasActionMask ? layout.reserve(minibatchRows * widths.maskSize) : undefined,
        logProbability: layout.reserve(minibatchRows * 4),
        entropy: layout.reserve(minibatchRows * 4),
      },
      oldLogProbability: layout.reserve(minibatchRows * 4),
      advantage: layout.reserve(minibatchRows * 4),
      returns: layout.reserve(minibatchRows * 4),
    },
    networkValues: values,
    distribution: planDistributionWorkspace(layout, sizes.distribution),
    slope: layout.reserve(minibatchRows * 4),
    gradients: layout.reserve(sizes.parameterCount * 4),
    policyFigures: layout.reserve(4 * 8),
    valueFigure: layout.reserve(8),
  };
}

function planRolloutFigures(layout: Layout, size: number): RolloutFigures {
  return {
    value: layout.reserve(size * 4),
    cutValue: layout.reserve(size * 4),
    advantage: layout.reserve(size * 4),
    returns: layout.reserve(size * 4),
    order: layout.reserve(size * 4),
    explainedVariance: layout.reserve(8),
  };
}

export interface PpoPolicyWorkspace {
  readonly input: InputRowsPlan;
  readonly actor: LayerValues;
  readonly distribution: DistributionWorkspace;
  readonly network: number;
}

export function planPolicyWorkspace(layout: Layout, network: PpoNetworkPlan): PpoPolicyWorkspace {
  return {
    input: planInputRows(layout, 1, network.actor.layers[0].inputs),
    actor: planLayerValues(layout, network.actor, 1),
    distribution: planDistributionWorkspace(layout, network.distribution),
    network: layout.reserve(ppoNetworkScratchBytes(network, 1)),
  };
}
