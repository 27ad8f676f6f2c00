import * as v from 'valibot';
import { Layout, alignUp } from '../buffer/layout.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import type { Kernels } from '../kernels/kernels.js';
import { InputRows } from '../network/input-rows.js';
import { NoiseGenerator } from '../network/noise-source.js';
import type { NoiseSource } from '../network/noise-source.js';
import type { RandomStream } from '../random.js';
import { count, finiteNumber, positive, settingsBy, strictSettings, wholeNumber } from '../schemas.js';
import { networkSettings } from '../tensorflow/network-settings.js';
import { actionCountOf } from './action-values.js';
import type { ActingPolicy, ActingStep, Algorithm, AlgorithmContext, AlgorithmPlan, Trainer } from './algorithm.js';
import { createLoss } from './dqn-loss.js';
import { planNetwork, planPolicyWorkspace, planWorkspace } from './dqn-memory.js';
import type { DqnWorkspace } from './dqn-memory.js';
import { DqnNetwork } from './dqn-network.js';
import type { DqnActivations } from './dqn-network.js';
import { noiseSchema, qSettings, replayExperience } from './q-settings.js';
import { planQState, QUpdate } from './q-update.js';
import type { QState } from './q-update.js';

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
  ...qSettings,
  /** |td error| from which on the Huber loss is linear. */
  huberDelta: v.optional(positive, 1),
  /** What the network gives for each action: its value, or a distribution of returns whose mean that is. */
  distribution: v.optional(distributionSchema, { kind: 'none' }),
  /**
   * Noise on the weights of the layers behind the first (Fortunato et al. 2018): in training, and while the agent
   * explores. `epsilon` may then be 0.
   */
  noise: v.optional(noiseSchema, { kind: 'none' }),
});

export type DqnConfiguration = v.InferOutput<typeof schema>;

/** Order of {@link Trainer.metrics}; `q_mean` is over the actions taken, `td_error_mean` over |target − Q|. */
export const metricNames = ['loss', 'q_mean', 'td_error_mean', 'gradient_norm'] as const;

/**
 * Acts greedily: exploration is the actor's, but for noise, which is drawn anew for each action as in the paper, for it
 * is what explores where ε is 0. It comes from the agent's own stream and from nothing that a thread would have to keep.
 */
class DqnPolicy implements ActingPolicy {
  readonly #input: InputRows;
  readonly #activations: DqnActivations;
  readonly #network: DqnNetwork;
  readonly #kernels: Kernels;
  readonly #actionCount: number;
  /** Undefined where there is no noise. */
  readonly #generator: NoiseGenerator | undefined;

  constructor(configuration: DqnConfiguration, context: AlgorithmContext, kernels: Kernels, scratch: number) {
    const network = planNetwork(configuration, context);
    const workspace = planPolicyWorkspace(new Layout(scratch), network);
    this.#input = new InputRows(workspace.observation, kernels);
    this.#activations = workspace.activations;
    this.#network = new DqnNetwork(network, workspace.noise, kernels, workspace.network);
    this.#kernels = kernels;
    this.#actionCount = actionCountOf(context, 'dqn');
    this.#generator = network.noise.length > 0 ? new NoiseGenerator(kernels, workspace.generator) : undefined;
  }

  act({ parameters, observation, legal, action, isGreedy, random }: ActingStep): boolean {
    const source = isGreedy ? undefined : this.#generator;
    source?.initialize(random);
    this.#input.scan(observation);
    this.#network.forward(parameters, this.#input, this.#activations, source);
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
  readonly #generator: NoiseGenerator;
  /** Undefined where there is no noise. */
  readonly #source: NoiseSource | undefined;
  readonly #state: QState;
  readonly #workspace: DqnWorkspace;
  readonly #parameterCount: number;
  readonly #figures: Float64Array;

  /** @param source of noise; by default the generator in the learner's state */
  constructor(
    configuration: DqnConfiguration,
    context: AlgorithmContext,
    kernels: Kernels,
    state: number,
    scratch: number,
    source?: NoiseSource,
  ) {
    const network = planNetwork(configuration, context);
    const { buffer } = kernels.memory;
    this.#configuration = configuration;
    this.#kernels = kernels;
    this.#parameterCount = network.parameterCount;
    this.#state = planQState(new Layout(state), network);
    this.#workspace = planWorkspace(new Layout(scratch), network, configuration, context);
    this.#observation = new InputRows(this.#workspace.observation, kernels);
    this.#nextObservation = new InputRows(this.#workspace.nextObservation, kernels);
    this.#network = new DqnNetwork(network, this.#workspace.noise, kernels, this.#workspace.network);
    this.#generator = new NoiseGenerator(kernels, this.#state.generator);
    this.#source = network.noise.length > 0 ? (source ?? this.#generator) : undefined;
    this.#computeLoss = createLoss(configuration, kernels, network, this.#network, this.#workspace);
    this.#update = new QUpdate(configuration, context, kernels, this.#state);
    this.#figures = new Float64Array(buffer, this.#workspace.figures, 3);
    this.batch = this.#workspace.batch;
  }

  initialize(random: RandomStream): void {
    const block = new Float32Array(this.#kernels.memory.buffer, this.#state.parameters, this.#parameterCount);
    this.#network.initialize(block, random);
    this.#update.initialize();
    this.#generator.initialize(random);
  }

  step(): void {
    this.#forward();
    this.#computeLoss();
    this.#computeGradients();
    this.#update.step(this.#workspace.gradients, this.#figures, this.metrics);
  }

  /**
   * Both networks, for what the loss needs of them. Choosing the next action, valuing it and what is trained have each
   * a noise of their own; that of the last is needed again for the gradients.
   */
  #forward(): void {
    const { parameters, target: targetParameters } = this.#state;
    const { batch, online, target } = this.#workspace;
    const { doubleQ } = this.#configuration;
    const { size } = batch;
    const network = this.#network;
    const source = this.#source;
    this.#observation.scan(batch.observation);
    this.#nextObservation.scan(batch.nextObservation);
    network.forward(targetParameters, this.#nextObservation, target, source);
    network.forwardFirst(parameters, this.#observation, online, 0);
    if (doubleQ) network.forwardFirst(parameters, this.#nextObservation, online, size);
    // Without noise both inputs take one pass.
    const isOnePass = doubleQ && source === undefined;
    if (doubleQ && !isOnePass) network.forwardRest(parameters, online, size, size, source);
    network.forwardRest(parameters, online, 0, isOnePass ? 2 * size : size, source);
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
  planQState(state, network);
  planPolicyWorkspace(policy, network);
  planWorkspace(trainer, network, configuration, context);
  return {
    frames: configuration.frameStack,
    experience: replayExperience(configuration),
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

/** Deep Q-learning with the common extensions: double, dueling, n-step, prioritized, distributional, noisy. */
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
