import * as v from 'valibot';
import { Layout, alignUp } from '../buffer/layout.js';
import type { RolloutBatch } from '../buffer/rollout-batch.js';
import { MarlinError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { InputRows } from '../network/input-rows.js';
import type { LayerValues } from '../network/perceptron.js';
import type { RandomStream } from '../random.js';
import { finiteNumber, positive, share, strictSettings, wholeNumber } from '../schemas.js';
import { networkSettings } from '../tensorflow/network-settings.js';
import { createDistribution } from './action-distribution.js';
import type { ActionDistribution } from './action-distribution.js';
import type { ActingPolicy, ActingStep, Algorithm, AlgorithmContext, AlgorithmPlan, Trainer } from './algorithm.js';
import { learningRateSchema } from './learning-rate.js';
import {
  planNetwork,
  planPolicyWorkspace,
  planState,
  planWorkspace,
  ppoRingFields,
  rolloutSizes,
} from './ppo-memory.js';
import type { PpoSizes, PpoState, PpoWorkspace, RolloutSizes } from './ppo-memory.js';
import { PpoNetwork } from './ppo-network.js';
import { KernelPasses } from './ppo-passes.js';
import type { PpoPasses } from './ppo-passes.js';
import { ppoMetricNames, PpoUpdate } from './ppo-update.js';

const oneOrMore = v.pipe(wholeNumber, v.gtValue(0));
const decay = v.pipe(finiteNumber, v.minValue(0), v.ltValue(1));
const weight = v.pipe(finiteNumber, v.minValue(0));

/** Settings of PPO. */
const schema = strictSettings({
  /** A network of the user's in TensorFlow.js; `hiddenSizes` and `initialWeights` then mean nothing. Default: those below. */
  network: networkSettings,
  /** Widths of the hidden tanh layers, of the actor as of the critic. */
  hiddenSizes: v.optional(v.pipe(v.array(oneOrMore), v.minLength(1)), [64, 64]),
  /** Orthogonal (√2 in hidden layers, 0.01 for the policy, 1 for the value), or U(±1/√inputs) as in DQN. */
  initialWeights: v.optional(v.picklist(['orthogonal', 'uniform']), 'orthogonal'),
  /** Observations stacked to one network input. */
  frameStack: v.optional(oneOrMore, 1),
  /** Turns between two trainings: the actor waits until what they brought is learnt, and no turn is learnt again. */
  rolloutTurns: v.optional(oneOrMore, 256),
  /** Steps per training step; the last of a pass gets what is left. */
  minibatchSize: v.optional(oneOrMore, 64),
  /** Times that each step of a rollout is trained on. */
  passes: v.optional(oneOrMore, 10),
  /** γ, per step. */
  discount: v.optional(share, 0.99),
  /** λ of generalized advantage estimation: 0 trusts the values alone, 1 the rewards alone. */
  gaeLambda: v.optional(share, 0.95),
  /** ε: how far the probability of an action may move from that it was taken with before it gains nothing more. */
  clipRange: v.optional(positive, 0.2),
  /** Weight of the value loss. */
  valueCoefficient: v.optional(weight, 0.5),
  /** Weight of the entropy, which keeps the policy random. */
  entropyCoefficient: v.optional(weight, 0.01),
  /** Learning rate of Adam, constant or falling. */
  learningRate: v.optional(learningRateSchema, 3e-4),
  adam: v.optional(
    strictSettings({
      beta1: v.optional(decay, 0.9),
      beta2: v.optional(decay, 0.999),
      /** Added outside the square root. */
      epsilon: v.optional(positive, 1e-5),
    }),
    {},
  ),
  /** Gradients are scaled down to this global norm. */
  maxGradNorm: v.optional(positive, 0.5),
});

export type PpoConfiguration = v.InferOutput<typeof schema>;

/** Draws actions from the policy's distribution and notes with which probability, and by which weights. */
class PpoPolicy implements ActingPolicy {
  readonly #input: InputRows;
  readonly #values: LayerValues;
  readonly #network: PpoNetwork;
  readonly #distribution: ActionDistribution;

  constructor(configuration: PpoConfiguration, context: AlgorithmContext, kernels: Kernels, scratch: number) {
    const network = planNetwork(configuration, context);
    const workspace = planPolicyWorkspace(new Layout(scratch), network);
    this.#input = new InputRows(workspace.input, kernels);
    this.#values = workspace.actor;
    this.#network = new PpoNetwork(network, kernels, workspace.network);
    this.#distribution = createDistribution(network.distribution, workspace.distribution, kernels);
  }

  act(step: ActingStep): boolean {
    const { parameters, observation, weightsVersion, fields } = step;
    const values = this.#values;
    this.#input.scan(observation);
    this.#network.actor.forward(parameters, this.#input, values);
    if (!this.#distribution.act(parameters, values[values.length - 1], step)) return false;
    fields[0][0] = this.#distribution.noted[0];
    fields[1][0] = weightsVersion;
    return true;
  }
}

/**
 * One learner: proximal policy optimization (Schulman et al. 2017, arXiv 1707.06347).
 *
 * ```
 * rollout of rolloutTurns ──► values, advantages, returns          before its first training step
 *   pass 1: new order ──► minibatch, minibatch, …                  one training step each
 *   pass 2: new order ──► …
 * last training step ──► commit, publish: the weights that collect the next rollout
 * ```
 */
export class PpoTrainer implements Trainer {
  readonly batch: RolloutBatch;
  readonly update: PpoUpdate;
  readonly #configuration: PpoConfiguration;
  readonly #kernels: Kernels;
  readonly #state: PpoState;
  readonly #workspace: PpoWorkspace;
  readonly #sizes: RolloutSizes;
  readonly #parameters: Float32Array;
  readonly #generator: Int32Array;
  readonly #lastVersion: Int32Array;
  readonly #versions: Int32Array;
  readonly #cutCount: Int32Array;
  /** Training steps done on what the batch holds. A learner that takes over begins its rollout again. */
  #stepsDone = 0;

  constructor(
    configuration: PpoConfiguration,
    sizes: PpoSizes,
    kernels: Kernels,
    state: PpoState,
    workspace: PpoWorkspace,
    passes: PpoPasses,
  ) {
    const { buffer } = kernels.memory;
    this.#configuration = configuration;
    this.#kernels = kernels;
    this.#state = state;
    this.#workspace = workspace;
    this.#sizes = rolloutSizes(configuration);
    this.update = new PpoUpdate(configuration, sizes, kernels, state, workspace, passes);
    this.batch = workspace.batch;
    this.#parameters = new Float32Array(buffer, state.parameters, sizes.parameterCount);
    this.#generator = new Int32Array(buffer, this.#state.generator, 4);
    this.#lastVersion = new Int32Array(buffer, this.#state.lastVersion, 1);
    this.#versions = new Int32Array(buffer, this.batch.fields[1], this.batch.size);
    this.#cutCount = new Int32Array(buffer, this.batch.cutCount, 1);
  }

  get metrics(): Float64Array {
    return this.update.metrics;
  }

  initialize(random: RandomStream): void {
    this.update.passes.initialize(this.#parameters, random);
    this.update.initialize();
    for (let word = 0; word < this.#generator.length; word++) this.#generator[word] = random.integer(2 ** 32);
    // The generator must not start from all zeros.
    this.#generator[0] |= 1;
    this.#lastVersion[0] = -1;
    this.#stepsDone = 0;
  }

  /** @throws MarlinError `ERR_STATE` where the rollout was not collected by the newest weights alone */
  step(): void {
    const { size, minibatchRows, minibatches, trainingSteps } = this.#sizes;
    const minibatch = this.#stepsDone % minibatches;
    if (this.#stepsDone === 0) this.#prepare();
    if (minibatch === 0) this.#kernels.randomOrder(this.#workspace.rollout.order, size, this.#state.generator);
    const first = minibatch * minibatchRows;
    const rows = Math.min(minibatchRows, size - first);
    this.#gather(first, rows);
    this.update.step(rows);
    this.#stepsDone = (this.#stepsDone + 1) % trainingSteps;
  }

  /** Everything about a rollout that its training steps leave as it is. */
  #prepare(): void {
    const { batch } = this;
    const { rollout } = this.#workspace;
    const { discount, gaeLambda } = this.#configuration;
    this.#checkVersions();
    this.#computeValues(rollout.value, batch.observation, batch.size);
    this.#computeValues(rollout.cutValue, batch.cutObservation, this.#cutCount[0]);
    this.#kernels.generalizedAdvantages(
      rollout.advantage,
      rollout.returns,
      batch.reward,
      rollout.value,
      batch.end,
      batch.cutRow,
      rollout.cutValue,
      batch.rings,
      batch.turns,
      discount,
      gaeLambda,
    );
    this.#kernels.explainedVariance(rollout.explainedVariance, rollout.value, rollout.returns, batch.size);
  }

  /**
   * All steps of a rollout must come from the newest weights. Weights are published once for each rollout, behind its
   * last training step: what is one version throughout, and another than that of the rollout before, is the newest.
   */
  #checkVersions(): void {
    const versions = this.#versions;
    const version = versions[0];
    const other = versions.findIndex(this.#differsFromFirst);
    if (other < 0 && version !== this.#lastVersion[0]) {
      this.#lastVersion[0] = version;
      return;
    }
    const what =
      other < 0
        ? `all by weights ${version}, as the rollout before`
        : `step 0 by weights ${version}, step ${other} by weights ${versions[other]}`;
    throw new MarlinError('ERR_STATE', `A rollout must be collected by the newest weights; it was collected ${what}.`);
  }

  readonly #differsFromFirst = (version: number): boolean => version !== this.#versions[0];

  /** The critic's values of `count` observations, in chunks of a minibatch. */
  #computeValues(destination: number, observations: number, count: number): void {
    const { values } = this.#workspace.networkValues;
    const { minibatchRows } = this.#sizes;
    const { observationSize } = this.batch;
    for (let first = 0; first < count; first += minibatchRows) {
      const rows = Math.min(minibatchRows, count - first);
      this.update.passes.computeValues(observations + first * observationSize * 4, rows);
      this.#kernels.copyBytes(destination + first * 4, values, rows * 4);
    }
  }

  /** Fills the minibatch with `rows` rows of the rollout, those from `first` on in the order of the pass. */
  #gather(first: number, rows: number): void {
    const { batch } = this;
    const { rollout, minibatch } = this.#workspace;
    const { actions } = minibatch;
    const kernels = this.#kernels;
    const list = rollout.order + first * 4;
    kernels.gatherRows(minibatch.observation, batch.observation, batch.observationSize * 4, list, rows);
    kernels.gatherRows(actions.action, batch.action, batch.actionSize * 4, list, rows);
    if (batch.legal !== undefined && actions.legal !== undefined) {
      kernels.gatherRows(actions.legal, batch.legal, batch.maskSize, list, rows);
    }
    kernels.gatherRows(minibatch.oldLogProbability, batch.fields[0], 4, list, rows);
    kernels.gatherRows(minibatch.advantage, rollout.advantage, 4, list, rows);
    kernels.gatherRows(minibatch.returns, rollout.returns, 4, list, rows);
  }
}

function planPpo(configuration: PpoConfiguration, context: AlgorithmContext): AlgorithmPlan {
  const network = planNetwork(configuration, context);
  const state = new Layout();
  const policy = new Layout();
  const trainer = new Layout();
  planState(state, network);
  planPolicyWorkspace(policy, network);
  planWorkspace(trainer, network, configuration, context);
  return {
    frames: configuration.frameStack,
    experience: {
      kind: 'rollout',
      turns: configuration.rolloutTurns,
      trainingSteps: rolloutSizes(configuration).trainingSteps,
      discount: configuration.discount,
    },
    ringFields: ppoRingFields,
    parameterCount: network.parameterCount,
    parameters: network.parameters,
    stateBytes: alignUp(state.end),
    policyScratchBytes: alignUp(policy.end),
    trainerScratchBytes: alignUp(trainer.end),
    epsilon: undefined,
    metricNames: ppoMetricNames,
  };
}

function createTrainer(
  configuration: PpoConfiguration,
  context: AlgorithmContext,
  kernels: Kernels,
  stateOffset: number,
  scratch: number,
): PpoTrainer {
  const network = planNetwork(configuration, context);
  const state = planState(new Layout(stateOffset), network);
  const workspace = planWorkspace(new Layout(scratch), network, configuration, context);
  const passes = new KernelPasses(
    {
      network,
      initialWeights: configuration.initialWeights,
      workspace,
      parameters: state.parameters,
      gradients: workspace.gradients,
      observation: workspace.minibatch.observation,
    },
    kernels,
  );
  return new PpoTrainer(configuration, network, kernels, state, workspace, passes);
}

/** Proximal policy optimization for choices, several choices at once, and real numbers. */
export const ppo = {
  name: 'ppo',
  schema,
  plan: planPpo,
  createPolicy: (configuration: PpoConfiguration, context: AlgorithmContext, kernels: Kernels, scratch: number) =>
    new PpoPolicy(configuration, context, kernels, scratch),
  createTrainer,
} satisfies Algorithm<PpoConfiguration>;
