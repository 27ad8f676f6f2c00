import * as v from 'valibot';
import { Layout, alignUp } from '../buffer/layout.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import type { Kernels } from '../kernels/kernels.js';
import { InputRows } from '../network/input-rows.js';
import type { RandomStream } from '../random.js';
import { count, finiteNumber, positive, settingsBy, share, strictSettings, wholeNumber } from '../schemas.js';
import { networkSettings } from '../tensorflow/network-settings.js';
import { actionCountOf } from './action-values.js';
import type { ActingPolicy, ActingStep, Algorithm, AlgorithmContext, AlgorithmPlan, Trainer } from './algorithm.js';
import { createLoss } from './dqn-loss.js';
import { learningRateSchema } from './learning-rate.js';
import { planNetwork, planPolicyWorkspace, planState, planWorkspace } from './dqn-memory.js';
import type { DqnState, DqnWorkspace } from './dqn-memory.js';
import { DqnNetwork } from './dqn-network.js';
import type { DqnActivations } from './dqn-network.js';
import { adamSchema, epsilonSchema, targetUpdateSchema } from './q-settings.js';
import { QUpdate } from './q-update.js';

const replaySchema = settingsBy('kind', [
  strictSettings({ kind: v.literal('uniform') }),
  /** A transition is drawn in proportion to (|td error| + floor)^exponent (Schaul et al. 2016). */
  strictSettings({
    kind: v.literal('prioritized'),
    /** α: 0 draws uniformly, 1 in proportion. */
    exponent: v.optional(share, 0.6),
    /** β, by which rarer draws weigh more: linear from `start` to `end` over `duration` training steps. */
    correction: v.optional(
      strictSettings({
        start: v.optional(share, 0.4),
        end: v.optional(share, 1),
        duration: v.optional(positive, 10_000),
      }),
      {},
    ),
    /** Added to |td error|, so that every transition is drawn some time. */
    floor: v.optional(positive, 1e-6),
  }),
]);

const distributionSchema = settingsBy('kind', [
  strictSettings({ kind: v.literal('none') }),
  /** C51: probabilities of `atoms` returns evenly spaced from `minimum` to `maximum` (Bellemare et al. 2017). */
  v.pipe(
    strictSettings({
      kind: v.literal('categorical'),
      atoms: v.optional(v.pipe(wholeNumber, v.minValue(2)), 51),
      minimum: v.optional(finiteNumber, -10),
      maximum: v.optional(finiteNumber, 10),
    }),
    v.forward(
      v.check(({ minimum, maximum }) => maximum > minimum, 'greater than minimum'),
      ['maximum'],
    ),
  ),
]);

/** Settings of DQN. The defaults are those of small gridworlds. */
const schema = strictSettings({
  /** A network of the user's in TensorFlow.js; `hiddenSizes` and `dueling` then mean nothing. Default: the one below. */
  network: networkSettings,
  /** Widths of the hidden ReLU layers. */
  hiddenSizes: v.optional(v.pipe(v.array(count), v.minLength(1)), [64, 64]),
  /** Q = V + A − mean(A) (Wang et al. 2016). */
  dueling: v.optional(v.boolean(), true),
  /** The online network chooses the next action, the target network values it (van Hasselt et al. 2016). */
  doubleQ: v.optional(v.boolean(), true),
  /** Observations stacked to one network input. */
  frameStack: v.optional(count, 5),
  /** γ, per step. */
  discount: v.optional(share, 0.9),
  /** n of the n-step return. */
  nStep: v.optional(count, 3),
  /** Learning rate of Adam, constant or falling. */
  learningRate: v.optional(learningRateSchema, 2.5e-4),
  adam: v.optional(adamSchema, {}),
  /** Gradients are scaled down to this global norm. */
  maxGradNorm: v.optional(positive, 10),
  /** |td error| from which on the Huber loss is linear. */
  huberDelta: v.optional(positive, 1),
  targetUpdate: v.optional(targetUpdateSchema, { kind: 'hard', every: 200 }),
  /** Which transitions are trained on. */
  replay: v.optional(replaySchema, { kind: 'uniform' }),
  /** What the network gives for each action: its value, or a distribution of returns whose mean that is. */
  distribution: v.optional(distributionSchema, { kind: 'none' }),
  /** Share of random actions. */
  epsilon: v.optional(epsilonSchema, {}),
});

export type DqnConfiguration = v.InferOutput<typeof schema>;

/** Order of {@link Trainer.metrics}; `q_mean` is over the actions taken, `td_error_mean` over |target − Q|. */
export const metricNames = ['loss', 'q_mean', 'td_error_mean', 'gradient_norm'] as const;

/** Acts greedily: exploration is the actor's. */
class DqnPolicy implements ActingPolicy {
  readonly #input: InputRows;
  readonly #activations: DqnActivations;
  readonly #network: DqnNetwork;
  readonly #kernels: Kernels;
  readonly #actionCount: number;

  constructor(configuration: DqnConfiguration, context: AlgorithmContext, kernels: Kernels, scratch: number) {
    const network = planNetwork(configuration, context);
    const workspace = planPolicyWorkspace(new Layout(scratch), network);
    this.#input = new InputRows(workspace.observation, kernels);
    this.#activations = workspace.activations;
    this.#network = new DqnNetwork(network, kernels, workspace.network);
    this.#kernels = kernels;
    this.#actionCount = actionCountOf(context, 'dqn');
  }

  act({ parameters, observation, legal, action }: ActingStep): boolean {
    this.#input.scan(observation);
    this.#network.forward(parameters, this.#input, this.#activations);
    this.#network.readValues(this.#activations, 1);
    action[0] = this.#kernels.maskedArgmax(this.#activations.q, this.#actionCount, legal ?? 0);
    return action[0] >= 0;
  }
}

/** One learner: Q-learning on batches of n-step transitions (Mnih et al. 2015, with the extensions named above). */
export class DqnTrainer implements Trainer {
  readonly batch: TransitionBatch;
  readonly metrics = new Float64Array(metricNames.length);
  readonly #configuration: DqnConfiguration;
  readonly #kernels: Kernels;
  readonly #observation: InputRows;
  readonly #nextObservation: InputRows;
  readonly #network: DqnNetwork;
  readonly #computeLoss: () => void;
  readonly #update: QUpdate;
  readonly #state: DqnState;
  readonly #workspace: DqnWorkspace;
  readonly #parameterCount: number;
  readonly #figures: Float64Array;

  constructor(
    configuration: DqnConfiguration,
    context: AlgorithmContext,
    kernels: Kernels,
    state: number,
    scratch: number,
  ) {
    const network = planNetwork(configuration, context);
    const { buffer } = kernels.memory;
    this.#configuration = configuration;
    this.#kernels = kernels;
    this.#parameterCount = network.parameterCount;
    this.#state = planState(new Layout(state), network);
    this.#workspace = planWorkspace(new Layout(scratch), network, configuration, context);
    this.#observation = new InputRows(this.#workspace.observation, kernels);
    this.#nextObservation = new InputRows(this.#workspace.nextObservation, kernels);
    this.#network = new DqnNetwork(network, kernels, this.#workspace.network);
    this.#computeLoss = createLoss(configuration, kernels, network, this.#network, this.#workspace);
    this.#update = new QUpdate(configuration, context, kernels, this.#state);
    this.#figures = new Float64Array(buffer, this.#workspace.figures, 3);
    this.batch = this.#workspace.batch;
  }

  initialize(random: RandomStream): void {
    const block = new Float32Array(this.#kernels.memory.buffer, this.#state.parameters, this.#parameterCount);
    this.#network.initialize(block, random);
    this.#update.initialize();
  }

  step(): void {
    this.#forward();
    this.#computeLoss();
    this.#computeGradients();
    this.#update.step(this.#workspace.gradients, this.#figures, this.metrics);
  }

  /** Both networks, for what the loss needs of them. */
  #forward(): void {
    const { parameters, target: targetParameters } = this.#state;
    const { batch, online, target } = this.#workspace;
    const { doubleQ } = this.#configuration;
    const network = this.#network;
    this.#observation.scan(batch.observation);
    this.#nextObservation.scan(batch.nextObservation);
    network.forwardFirst(parameters, this.#observation, online, 0);
    if (doubleQ) network.forwardFirst(parameters, this.#nextObservation, online, batch.size);
    network.forwardRest(parameters, online, doubleQ ? 2 * batch.size : batch.size);
    network.forward(targetParameters, this.#nextObservation, target);
  }

  #computeGradients(): void {
    const { online, upstream, gradients } = this.#workspace;
    this.#network.backward(this.#state.parameters, gradients, this.#observation, online, upstream);
  }
}

function planDqn(configuration: DqnConfiguration, context: AlgorithmContext): AlgorithmPlan {
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
      kind: 'replay',
      steps: configuration.nStep,
      discount: configuration.discount,
      priorities: configuration.replay.kind === 'prioritized' ? configuration.replay : undefined,
    },
    ringFields: [],
    parameterCount: network.parameterCount,
    parameters: network.parameters,
    stateBytes: alignUp(state.end),
    policyScratchBytes: alignUp(policy.end),
    trainerScratchBytes: alignUp(trainer.end),
    epsilon: configuration.epsilon,
    metricNames,
  };
}

/** Deep Q-learning with the common extensions: double, dueling, n-step, prioritized replay, distributions of returns. */
export const dqn = {
  name: 'dqn',
  schema,
  plan: planDqn,
  createPolicy: (configuration: DqnConfiguration, context: AlgorithmContext, kernels: Kernels, scratch: number) =>
    new DqnPolicy(configuration, context, kernels, scratch),
  createTrainer: (
    configuration: DqnConfiguration,
    context: AlgorithmContext,
    kernels: Kernels,
    state: number,
    scratch: number,
  ) => new DqnTrainer(configuration, context, kernels, state, scratch),
} satisfies Algorithm<DqnConfiguration>;
