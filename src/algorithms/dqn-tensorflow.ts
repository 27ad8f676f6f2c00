import { Layout, alignUp } from '../buffer/layout.js';
import { planTransitionBatch } from '../buffer/transition-batch.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import { ConfigurationError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { RandomStream } from '../random.js';
import { NetworkBuilder } from '../tensorflow/network-builder.js';
import type { TensorFlowNetwork } from '../tensorflow/tensorflow-network.js';
import { actionCountOf } from './action-values.js';
import type { ActingPolicy, ActingStep, Algorithm, AlgorithmContext, AlgorithmPlan, Trainer } from './algorithm.js';
import { dqn, metricNames } from './dqn.js';
import type { DqnConfiguration } from './dqn.js';
import { planQState, QUpdate } from './q-update.js';

// DQN with a network of the user's. TensorFlow.js computes it forwards and backwards; loss, Adam and all state are the
// kernels' as ever.

/** What a training step works with: byte offsets into scratch memory. */
interface Workspace {
  readonly batch: TransitionBatch;
  /** f32 [size, actions] each: Q of the observations, and of the next ones by the online and by the target network. */
  readonly q: number;
  readonly nextOnline: number;
  readonly nextTarget: number;
  /** dloss/dQ of the observations. */
  readonly upstream: number;
  readonly gradients: number;
  /** f64 [3], see `dqnLoss`. */
  readonly figures: number;
}

export function planTensorFlowWorkspace(
  layout: Layout,
  { frameStack }: DqnConfiguration,
  context: AlgorithmContext,
  parameterCount: number,
): Workspace {
  const { agent, batchSize } = context;
  const actions = actionCountOf(context, 'dqn');
  const values = (): number => layout.reserve(batchSize * actions * 4);
  return {
    batch: planTransitionBatch(
      layout,
      batchSize,
      agent.observation.size * frameStack,
      1,
      actions,
      agent.hasActionMask ?? false,
    ),
    q: values(),
    nextOnline: values(),
    nextTarget: values(),
    upstream: values(),
    gradients: layout.reserve(parameterCount * 4),
    figures: layout.reserve(3 * 8),
  };
}

async function loadBuilder(configuration: DqnConfiguration, context: AlgorithmContext): Promise<NetworkBuilder> {
  const { network, frameStack } = configuration;
  if (network === undefined) throw new RangeError('No network is configured.');
  return NetworkBuilder.load(network, {
    observation: context.agent.observation,
    frames: frameStack,
    outputs: [{ name: 'q', size: actionCountOf(context, 'dqn') }],
  });
}

/** Seeds of networks whose initial parameters are never used. */
function anyRandom(): RandomStream {
  return RandomStream.named({ seed: 0, role: 'initial-weights' });
}

/** Acts greedily: exploration is the actor's. */
class TensorFlowDqnPolicy implements ActingPolicy {
  readonly #network: TensorFlowNetwork;
  readonly #kernels: Kernels;
  readonly #inputSize: number;
  readonly #q: number;
  readonly #values: Float32Array;
  /** Published version that the network computes with. */
  #version = -1;

  constructor(
    network: TensorFlowNetwork,
    configuration: DqnConfiguration,
    context: AlgorithmContext,
    kernels: Kernels,
    scratch: number,
  ) {
    this.#network = network;
    this.#kernels = kernels;
    this.#inputSize = context.agent.observation.size * configuration.frameStack;
    this.#q = scratch;
    this.#values = new Float32Array(kernels.memory.buffer, scratch, actionCountOf(context, 'dqn'));
  }

  act({ parameters, weightsVersion, observation, legal, action }: ActingStep): boolean {
    const { buffer } = this.#kernels.memory;
    if (weightsVersion !== this.#version) {
      this.#network.load(new Float32Array(buffer, parameters, this.#network.parameterCount));
      this.#version = weightsVersion;
    }
    this.#network.forward(new Float32Array(buffer, observation, this.#inputSize), 1, [this.#values]);
    action[0] = this.#kernels.maskedArgmax(this.#q, this.#values.length, legal ?? 0);
    return action[0] >= 0;
  }
}

/** The networks of a learner, each with variables of its own. */
interface Networks {
  readonly online: TensorFlowNetwork;
  readonly target: TensorFlowNetwork;
  /** Another one with initial parameters. */
  readonly build: (random: RandomStream) => TensorFlowNetwork;
}

/** The training step of `DqnTrainer` on networks in TensorFlow.js. */
class TensorFlowDqnTrainer implements Trainer {
  readonly batch: TransitionBatch;
  readonly metrics = new Float64Array(metricNames.length);
  readonly #networks: Networks;
  readonly #doubleQ: boolean;
  readonly #huberDelta: number;
  readonly #kernels: Kernels;
  readonly #update: QUpdate;
  readonly #workspace: Workspace;
  readonly #actions: number;
  readonly #figures: Float64Array;
  /** Views of state and scratch memory. */
  readonly #parameters: Float32Array;
  readonly #targetParameters: Float32Array;
  readonly #observation: Float32Array;
  readonly #nextObservation: Float32Array;
  readonly #q: Float32Array;
  readonly #nextOnline: Float32Array;
  readonly #nextTarget: Float32Array;
  readonly #upstream: Float32Array;
  readonly #gradients: Float32Array;

  constructor(
    networks: Networks,
    configuration: DqnConfiguration,
    context: AlgorithmContext,
    kernels: Kernels,
    stateOffset: number,
    scratch: number,
  ) {
    const { parameterCount } = networks.online;
    const { buffer } = kernels.memory;
    const state = planQState(new Layout(stateOffset), { parameterCount });
    const workspace = planTensorFlowWorkspace(new Layout(scratch), configuration, context, parameterCount);
    const { batch } = workspace;
    const block = (offset: number): Float32Array => new Float32Array(buffer, offset, parameterCount);
    const rows = (offset: number, size: number): Float32Array => new Float32Array(buffer, offset, batch.size * size);
    this.batch = batch;
    this.#networks = networks;
    this.#doubleQ = configuration.doubleQ;
    this.#huberDelta = configuration.huberDelta;
    this.#kernels = kernels;
    this.#update = new QUpdate(configuration, context, kernels, state);
    this.#workspace = workspace;
    this.#actions = actionCountOf(context, 'dqn');
    this.#figures = new Float64Array(buffer, workspace.figures, 3);
    this.#parameters = block(state.parameters);
    this.#targetParameters = block(state.target);
    this.#gradients = block(workspace.gradients);
    this.#observation = rows(batch.observation, batch.observationSize);
    this.#nextObservation = rows(batch.nextObservation, batch.observationSize);
    this.#q = rows(workspace.q, this.#actions);
    this.#nextOnline = rows(workspace.nextOnline, this.#actions);
    this.#nextTarget = rows(workspace.nextTarget, this.#actions);
    this.#upstream = rows(workspace.upstream, this.#actions);
  }

  initialize(random: RandomStream): void {
    const network = this.#networks.build(random);
    network.store(this.#parameters);
    network.dispose();
    this.#update.initialize();
  }

  /** Allocates what TensorFlow.js does, and frees it. */
  step(): void {
    const { online, target } = this.#networks;
    const { size } = this.batch;
    online.load(this.#parameters);
    target.load(this.#targetParameters);
    target.forward(this.#nextObservation, size, [this.#nextTarget]);
    if (this.#doubleQ) online.forward(this.#nextObservation, size, [this.#nextOnline]);
    online.differentiate(this.#observation, size, [this.#q], this.#computeLoss, [this.#upstream], this.#gradients);
    this.#update.step(this.#workspace.gradients, this.#figures, this.metrics);
  }

  /** Targets, loss and dloss/dQ. */
  readonly #computeLoss = (): void => {
    const { q, nextOnline, nextTarget, upstream, figures, batch } = this.#workspace;
    this.#kernels.dqnLoss(
      upstream,
      batch.priority,
      figures,
      q,
      this.#doubleQ ? nextOnline : nextTarget,
      nextTarget,
      batch.action,
      batch.nStepReturn,
      batch.bootstrapDiscount,
      batch.weight,
      batch.nextLegal ?? 0,
      batch.size,
      this.#actions,
      this.#huberDelta,
    );
  };
}

async function planTensorFlowDqn(configuration: DqnConfiguration, context: AlgorithmContext): Promise<AlgorithmPlan> {
  for (const name of ['distribution', 'noise'] as const) {
    const setting = configuration[name];
    if (setting.kind === 'none') continue;
    const bound = '{ kind: "none" } where there is a network of your own';
    throw new ConfigurationError(`agents.algorithm.${name}`, setting, bound);
  }
  const builder = await loadBuilder(configuration, context);
  const network = builder.plan(anyRandom);
  const state = new Layout();
  const trainer = new Layout();
  planQState(state, network);
  planTensorFlowWorkspace(trainer, configuration, context, network.parameterCount);
  return {
    ...dqn.plan(configuration, context),
    ...network,
    engine: builder.engineName,
    stateBytes: alignUp(state.end),
    policyScratchBytes: alignUp(actionCountOf(context, 'dqn') * 4),
    trainerScratchBytes: alignUp(trainer.end),
  };
}

export const tensorFlowDqn = {
  name: dqn.name,
  schema: dqn.schema,
  plan: planTensorFlowDqn,
  createPolicy: async (
    configuration: DqnConfiguration,
    context: AlgorithmContext,
    kernels: Kernels,
    scratch: number,
  ): Promise<ActingPolicy> => {
    const network = (await loadBuilder(configuration, context)).build(anyRandom());
    return new TensorFlowDqnPolicy(network, configuration, context, kernels, scratch);
  },
  createTrainer: async (
    configuration: DqnConfiguration,
    context: AlgorithmContext,
    kernels: Kernels,
    state: number,
    scratch: number,
  ): Promise<Trainer> => {
    const builder = await loadBuilder(configuration, context);
    const networks = {
      online: builder.build(anyRandom()),
      target: builder.build(anyRandom()),
      build: (random: RandomStream) => builder.build(random),
    };
    return new TensorFlowDqnTrainer(networks, configuration, context, kernels, state, scratch);
  },
} satisfies Algorithm<DqnConfiguration>;
