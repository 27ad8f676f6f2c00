import * as v from 'valibot';
import { Layout, alignUp } from '../buffer/layout.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import type { Kernels } from '../kernels/kernels.js';
import { InputRows } from '../network/input-rows.js';
import { NoiseGenerator } from '../network/noise-source.js';
import type { NoiseSource } from '../network/noise-source.js';
import type { RandomStream } from '../random.js';
import { count, strictSettings } from '../schemas.js';
import type { ActingPolicy, ActingStep, Algorithm, AlgorithmContext, AlgorithmPlan, Trainer } from './algorithm.js';
import { planNetwork, planPolicyWorkspace, planWorkspace } from './iqn-memory.js';
import type { IqnPolicyWorkspace, IqnWorkspace } from './iqn-memory.js';
import { IqnNetwork } from './iqn-network.js';
import type { IqnDraws } from './iqn-network.js';
import { sourcePreset } from './iqn-preset.js';
import { noiseSchema, qSettings, replayExperience } from './q-settings.js';
import { planQState, QUpdate } from './q-update.js';
import type { QState } from './q-update.js';

/** Settings of IQN. The defaults are those of small gridworlds. */
const schema = strictSettings({
  /** Width of the observation layer and of the cosine embedding, and of the layer behind their product. */
  hiddenSizes: v.optional(v.pipe(v.array(count), v.minLength(2), v.maxLength(2)), [64, 64]),
  /** Quantile fractions drawn per transition, and on the grid that is acted on. */
  quantiles: v.optional(count, 12),
  /** Cosines that a fraction is embedded by. */
  cosines: v.optional(v.pipe(count, v.maxValue(4096)), 64),
  /** Noise on the weights of the layers behind the product (Fortunato et al. 2018), in training alone. */
  noise: v.optional(noiseSchema, { kind: 'factorised' }),
  ...qSettings,
});

export type IqnConfiguration = v.InferOutput<typeof schema>;

/** Order of {@link Trainer.metrics}; `q_mean` is over the actions taken, `td_error_mean` over |td| of the means. */
const metricNames = ['loss', 'q_mean', 'td_error_mean', 'gradient_norm'] as const;

/** Acts greedily on the mean over a fixed grid of quantiles, with weights μ: exploration is the actor's. */
class IqnPolicy implements ActingPolicy {
  readonly #kernels: Kernels;
  readonly #workspace: IqnPolicyWorkspace;
  readonly #input: InputRows;
  readonly #network: IqnNetwork;
  readonly #actionCount: number;
  /** Version of the weights that the grid is embedded by. */
  #embeddedVersion = -1;

  constructor(configuration: IqnConfiguration, context: AlgorithmContext, kernels: Kernels, scratch: number) {
    const network = planNetwork(configuration, context);
    const { quantiles } = configuration;
    this.#kernels = kernels;
    this.#workspace = planPolicyWorkspace(new Layout(scratch), network, configuration);
    const { observation, activations, tau, network: networkScratch } = this.#workspace;
    this.#input = new InputRows(observation, kernels);
    this.#network = new IqnNetwork(network, activations, undefined, kernels, networkScratch);
    this.#actionCount = network.head.actions;
    const grid = new Float32Array(kernels.memory.buffer, tau, quantiles);
    for (let index = 0; index < quantiles; index++) grid[index] = (index + 0.5) / quantiles;
  }

  act({ parameters, weightsVersion, observation, legal, action }: ActingStep): boolean {
    const { tau, values } = this.#workspace;
    if (weightsVersion !== this.#embeddedVersion) {
      this.#network.embed(parameters, tau);
      this.#embeddedVersion = weightsVersion;
    }
    this.#input.scan(observation);
    this.#network.forwardMeans(parameters, this.#input, undefined, values);
    action[0] = this.#kernels.maskedArgmax(values, this.#actionCount, legal ?? 0);
    return action[0] >= 0;
  }
}

/** One learner: quantile regression on batches of n-step transitions (Dabney et al. 2018, algorithm 1). */
export class IqnTrainer implements Trainer {
  readonly batch: TransitionBatch;
  readonly metrics = new Float64Array(metricNames.length);
  readonly #configuration: IqnConfiguration;
  readonly #kernels: Kernels;
  readonly #observation: InputRows;
  readonly #nextObservation: InputRows;
  readonly #network: IqnNetwork;
  readonly #update: QUpdate;
  readonly #generator: NoiseGenerator;
  readonly #draws: IqnDraws;
  readonly #state: QState;
  readonly #workspace: IqnWorkspace;
  readonly #parameterCount: number;
  readonly #figures: Float64Array;

  /** @param source of noise and quantile fractions; by default the generator in the learner's state */
  constructor(
    configuration: IqnConfiguration,
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
    const { batch, observation, nextObservation, activations, noise, network: networkScratch } = this.#workspace;
    this.#observation = new InputRows(observation, kernels);
    this.#nextObservation = new InputRows(nextObservation, kernels);
    this.#network = new IqnNetwork(network, activations, noise, kernels, networkScratch);
    this.#generator = new NoiseGenerator(kernels, this.#state.generator);
    this.#draws = { source: source ?? this.#generator, tau: this.#workspace.tau };
    this.#update = new QUpdate(configuration, context, kernels, this.#state);
    this.#figures = new Float64Array(buffer, this.#workspace.figures, 3);
    this.batch = batch;
  }

  initialize(random: RandomStream): void {
    const block = new Float32Array(this.#kernels.memory.buffer, this.#state.parameters, this.#parameterCount);
    this.#network.initialize(block, random);
    this.#update.initialize();
    this.#generator.initialize(random);
  }

  step(): void {
    const { gradients, upstream } = this.#workspace;
    this.#forward();
    this.#computeLoss();
    this.#network.backward(gradients, this.#observation, upstream);
    this.#update.step(gradients, this.#figures, this.metrics);
  }

  /**
   * Three passes, each with noise and fractions of its own: the online network chooses the next action by its means, the
   * target network values it, and the online network's values are what is trained. That one comes last, because its
   * activations, fractions and noise are needed for the gradients.
   */
  #forward(): void {
    const { parameters, target } = this.#state;
    const { batch, nextMeans, nextValues, values } = this.#workspace;
    const network = this.#network;
    this.#observation.scan(batch.observation);
    this.#nextObservation.scan(batch.nextObservation);
    network.forwardMeans(parameters, this.#nextObservation, this.#draws, nextMeans);
    network.forward(target, this.#nextObservation, this.#draws, nextValues);
    network.forward(parameters, this.#observation, this.#draws, values);
  }

  #computeLoss(): void {
    const { batch, upstream, targets, figures, values, tau, nextMeans, nextValues } = this.#workspace;
    this.#kernels.quantileLoss(
      upstream.values,
      targets,
      batch.priority,
      figures,
      values,
      tau,
      nextMeans,
      nextValues,
      batch.action,
      batch.nStepReturn,
      batch.bootstrapDiscount,
      batch.weight,
      batch.nextLegal ?? 0,
      batch.size,
      this.#configuration.quantiles,
      batch.maskSize,
    );
  }
}

function planIqn(configuration: IqnConfiguration, context: AlgorithmContext): AlgorithmPlan {
  const network = planNetwork(configuration, context);
  const state = new Layout();
  const policy = new Layout();
  const trainer = new Layout();
  planQState(state, network);
  planPolicyWorkspace(policy, network, configuration);
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

/** Implicit quantile networks, double and dueling, with n-step returns, noisy layers and a target network. */
export const iqn = {
  name: 'iqn',
  schema,
  presets: { source: sourcePreset },
  plan: planIqn,
  createPolicy: (configuration: IqnConfiguration, context: AlgorithmContext, kernels: Kernels, scratch: number) =>
    new IqnPolicy(configuration, context, kernels, scratch),
  createTrainer: (
    configuration: IqnConfiguration,
    context: AlgorithmContext,
    kernels: Kernels,
    state: number,
    scratch: number,
  ) => new IqnTrainer(configuration, context, kernels, state, scratch),
} satisfies Algorithm<IqnConfiguration>;
