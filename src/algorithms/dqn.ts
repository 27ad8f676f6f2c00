import { z } from 'zod';
import { Layout, alignUp } from '../buffer/layout.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import type { Kernels } from '../kernels/kernels.js';
import { Adam } from '../network/adam.js';
import { InputRows } from '../network/input-rows.js';
import type { RandomStream } from '../random.js';
import { actionCountOf } from './action-values.js';
import type { ActingPolicy, ActingStep, Algorithm, AlgorithmContext, AlgorithmPlan, Trainer } from './algorithm.js';
import { learningRateAt, learningRateSchema } from './learning-rate.js';
import { adamSchema, epsilonSchema, targetUpdateSchema } from './q-settings.js';
import { updateTarget } from './target-update.js';
import type { TrainingRate } from './training-rate.js';
import { planNetwork, planPolicyWorkspace, planState, planWorkspace } from './dqn-memory.js';
import type { DqnState, DqnWorkspace } from './dqn-memory.js';
import { DqnNetwork } from './dqn-network.js';
import type { DqnActivations } from './dqn-network.js';

/** Settings of DQN. The defaults are those of small gridworlds. */
const schema = z.strictObject({
  /** Widths of the hidden ReLU layers. */
  hiddenSizes: z.array(z.int().positive()).min(1).default([64, 64]),
  /** Q = V + A − mean(A) (Wang et al. 2016). */
  dueling: z.boolean().default(true),
  /** The online network chooses the next action, the target network values it (van Hasselt et al. 2016). */
  doubleQ: z.boolean().default(true),
  /** Observations stacked to one network input. */
  frameStack: z.int().positive().default(5),
  /** γ, per step. */
  discount: z.number().min(0).max(1).default(0.9),
  /** n of the n-step return. */
  nStep: z.int().positive().default(3),
  /** Learning rate of Adam, constant or falling. */
  learningRate: learningRateSchema.default(2.5e-4),
  adam: adamSchema.prefault({}),
  /** Gradients are scaled down to this global norm. */
  maxGradNorm: z.number().positive().default(10),
  /** |td error| from which on the Huber loss is linear. */
  huberDelta: z.number().positive().default(1),
  targetUpdate: targetUpdateSchema.default({ kind: 'hard', every: 200 }),
  /** Share of random actions. */
  epsilon: epsilonSchema.prefault({}),
});

export type DqnConfiguration = z.infer<typeof schema>;

/** Order of {@link Trainer.metrics}; `q_mean` is over the actions taken, `td_error_mean` over |td|. */
const metricNames = ['loss', 'q_mean', 'td_error_mean', 'gradient_norm'] as const;

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
  readonly #adam: Adam;
  readonly #state: DqnState;
  readonly #workspace: DqnWorkspace;
  readonly #parameterCount: number;
  readonly #rate: TrainingRate;
  readonly #figures: Float64Array;
  readonly #trainingSteps: Float64Array;

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
    this.#rate = context.rate;
    this.#state = planState(new Layout(state), network);
    this.#workspace = planWorkspace(new Layout(scratch), network, configuration, context);
    this.#observation = new InputRows(this.#workspace.observation, kernels);
    this.#nextObservation = new InputRows(this.#workspace.nextObservation, kernels);
    this.#network = new DqnNetwork(network, kernels, this.#workspace.network);
    this.#adam = new Adam(this.#state.adam, kernels, {
      ...configuration.adam,
      learningRate: learningRateAt(configuration.learningRate, 1, context.rate),
      maxGradNorm: configuration.maxGradNorm,
    });
    this.#figures = new Float64Array(buffer, this.#workspace.figures, 3);
    this.#trainingSteps = new Float64Array(buffer, this.#state.trainingSteps, 1);
    this.batch = this.#workspace.batch;
  }

  initialize(random: RandomStream): void {
    const block = new Float32Array(this.#kernels.memory.buffer, this.#state.parameters, this.#parameterCount);
    this.#network.initialize(block, random);
    this.#copyToTarget();
    this.#adam.initialize();
    this.#trainingSteps[0] = 0;
  }

  step(): void {
    const { parameters } = this.#state;
    const { gradients } = this.#workspace;
    this.#computeLoss();
    this.#computeGradients();
    this.#adam.measureNorm(gradients);
    this.#recordMetrics();
    // A step with such gradients would leave no finite parameter; the learner reads the metrics and throws.
    if (!this.#isFinite()) return;
    this.#adam.learningRate[0] = learningRateAt(
      this.#configuration.learningRate,
      this.#trainingSteps[0] + 1,
      this.#rate,
    );
    this.#adam.step(parameters, gradients);
    this.#updateTarget();
  }

  /** Both networks forwards, then the targets, the loss and dloss/dQ. */
  #computeLoss(): void {
    const { parameters, target: targetParameters } = this.#state;
    const { batch, online, target, upstream, tdError, figures } = this.#workspace;
    const { doubleQ, huberDelta } = this.#configuration;
    const network = this.#network;
    const { size, maskSize: actionCount } = batch;
    this.#observation.scan(batch.observation);
    this.#nextObservation.scan(batch.nextObservation);
    network.forwardFirst(parameters, this.#observation, online, 0);
    if (doubleQ) network.forwardFirst(parameters, this.#nextObservation, online, size);
    network.forwardRest(parameters, online, doubleQ ? 2 * size : size);
    network.forward(targetParameters, this.#nextObservation, target);
    this.#kernels.dqnLoss(
      upstream.q,
      tdError,
      figures,
      online.q,
      doubleQ ? online.q + size * actionCount * 4 : target.q,
      target.q,
      batch.action,
      batch.nStepReturn,
      batch.bootstrapDiscount,
      batch.weight,
      batch.nextLegal ?? 0,
      size,
      actionCount,
      huberDelta,
    );
  }

  #computeGradients(): void {
    const { online, upstream, gradients } = this.#workspace;
    this.#network.backward(this.#state.parameters, gradients, this.#observation, online, upstream);
  }

  #recordMetrics(): void {
    const { metrics } = this;
    metrics.set(this.#figures);
    metrics.set(this.#adam.norm, 3);
  }

  #isFinite(): boolean {
    return Number.isFinite(this.metrics[0]) && Number.isFinite(this.metrics[3]);
  }

  #updateTarget(): void {
    const { targetUpdate } = this.#configuration;
    const { parameters, target } = this.#state;
    const done = this.#trainingSteps[0] + 1;
    this.#trainingSteps[0] = done;
    updateTarget(this.#kernels, targetUpdate, target, parameters, this.#parameterCount, done);
  }

  #copyToTarget(): void {
    this.#kernels.copyBytes(this.#state.target, this.#state.parameters, this.#parameterCount * 4);
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
      priorities: undefined,
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

/** Deep Q-learning with the common extensions: double, dueling, n-step returns, a target network. */
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
