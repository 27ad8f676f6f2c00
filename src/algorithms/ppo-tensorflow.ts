import { Layout, alignUp } from '../buffer/layout.js';
import type { Kernels } from '../kernels/kernels.js';
import { ParameterLayout } from '../network/parameter-layout.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import { RandomStream } from '../random.js';
import { NetworkBuilder } from '../tensorflow/network-builder.js';
import type { TensorFlowNetwork } from '../tensorflow/tensorflow-network.js';
import { createDistribution, planDistribution, planDistributionWorkspace } from './action-distribution.js';
import type { ActionDistribution, DistributionPlan, DistributionWorkspace } from './action-distribution.js';
import type { ActingPolicy, ActingStep, Algorithm, AlgorithmContext, AlgorithmPlan } from './algorithm.js';
import { planState, planTraining, rolloutSizes } from './ppo-memory.js';
import type { PpoSizes, PpoState, PpoWorkspace } from './ppo-memory.js';
import type { NetworkValues, PpoPasses } from './ppo-passes.js';
import { ppo, PpoTrainer } from './ppo.js';
import type { PpoConfiguration } from './ppo.js';

// PPO with a network of the user's for policy and values. TensorFlow.js computes it forwards and backwards; losses,
// distributions, Adam and all state are the kernels' as ever.

/** The parameters: those of the distribution, and behind them those of the network. */
interface BlockPlan extends PpoSizes {
  readonly distribution: DistributionPlan;
  readonly parameters: readonly ParameterTensor[];
  /** Where the network's begin, in floats. */
  readonly networkOffset: number;
}

function planBlock(
  { agent }: AlgorithmContext,
  network: Pick<TensorFlowNetwork, 'parameters' | 'parameterCount'>,
): BlockPlan {
  const layout = new ParameterLayout();
  const distribution = planDistribution(layout, agent.action);
  const networkOffset = layout.count;
  for (const { name, shape } of network.parameters) layout.reserve(name, shape);
  return { distribution, parameters: layout.tensors, parameterCount: layout.count, networkOffset };
}

function planValues(layout: Layout, { outputs }: DistributionPlan, rows: number): NetworkValues {
  return {
    outputs: layout.reserve(rows * outputs * 4),
    values: layout.reserve(rows * 4),
    outputGradient: layout.reserve(rows * outputs * 4),
    valueGradient: layout.reserve(rows * 4),
  };
}

export function planTensorFlowWorkspace(
  layout: Layout,
  sizes: PpoSizes,
  configuration: PpoConfiguration,
  context: AlgorithmContext,
): PpoWorkspace {
  const values = planValues(layout, sizes.distribution, rolloutSizes(configuration).minibatchRows);
  return planTraining(layout, sizes, configuration, context, values);
}

interface PolicyWorkspace {
  /** f32 [outputs] of the policy. */
  readonly outputs: number;
  /** f32 [1]: the network gives a value whether it is wanted or not. */
  readonly value: number;
  readonly distribution: DistributionWorkspace;
}

function planPolicyWorkspace(layout: Layout, distribution: DistributionPlan): PolicyWorkspace {
  return {
    outputs: layout.reserve(distribution.outputs * 4),
    value: layout.reserve(4),
    distribution: planDistributionWorkspace(layout, distribution),
  };
}

async function loadBuilder({ network, frameStack }: PpoConfiguration, { agent }: AlgorithmContext) {
  if (network === undefined) throw new RangeError('No network is configured.');
  const { outputs } = planDistribution(new ParameterLayout(), agent.action);
  return NetworkBuilder.load(network, {
    observation: agent.observation,
    frames: frameStack,
    outputs: [
      { name: 'policy', size: outputs },
      { name: 'value', size: 1 },
    ],
  });
}

/** Seeds of networks whose initial parameters are never used. */
function anyRandom(): RandomStream {
  return RandomStream.named({ seed: 0, role: 'initial-weights' });
}

/** Draws actions from the policy's distribution and notes with which probability, and by which weights. */
class TensorFlowPpoPolicy implements ActingPolicy {
  readonly #network: TensorFlowNetwork;
  readonly #block: BlockPlan;
  readonly #buffer: SharedArrayBuffer;
  readonly #inputSize: number;
  readonly #outputs: number;
  readonly #results: readonly Float32Array[];
  readonly #distribution: ActionDistribution;
  /** Published version that the network computes with. */
  #version = -1;

  constructor(
    network: TensorFlowNetwork,
    { frameStack }: PpoConfiguration,
    context: AlgorithmContext,
    kernels: Kernels,
    scratch: number,
  ) {
    const { buffer } = kernels.memory;
    const block = planBlock(context, network);
    const workspace = planPolicyWorkspace(new Layout(scratch), block.distribution);
    this.#network = network;
    this.#block = block;
    this.#buffer = buffer;
    this.#inputSize = context.agent.observation.size * frameStack;
    this.#outputs = workspace.outputs;
    this.#results = [
      new Float32Array(buffer, workspace.outputs, block.distribution.outputs),
      new Float32Array(buffer, workspace.value, 1),
    ];
    this.#distribution = createDistribution(block.distribution, workspace.distribution, kernels);
  }

  act(step: ActingStep): boolean {
    const { parameters, observation, weightsVersion, fields } = step;
    if (weightsVersion !== this.#version) {
      const { networkOffset } = this.#block;
      const offset = parameters + networkOffset * 4;
      this.#network.load(new Float32Array(this.#buffer, offset, this.#network.parameterCount));
      this.#version = weightsVersion;
    }
    this.#network.forward(new Float32Array(this.#buffer, observation, this.#inputSize), 1, this.#results);
    if (!this.#distribution.act(parameters, this.#outputs, step)) return false;
    fields[0][0] = this.#distribution.noted[0];
    fields[1][0] = weightsVersion;
    return true;
  }
}

/** Passes of one network of the user's, for policy and values at once. Allocates what TensorFlow.js does, and frees it. */
class TensorFlowPasses implements PpoPasses {
  readonly #builder: NetworkBuilder;
  readonly #network: TensorFlowNetwork;
  readonly #block: BlockPlan;
  readonly #workspace: PpoWorkspace;
  readonly #buffer: SharedArrayBuffer;
  readonly #parameters: Float32Array;
  readonly #gradients: Float32Array;

  constructor(
    builder: NetworkBuilder,
    network: TensorFlowNetwork,
    block: BlockPlan,
    buffer: SharedArrayBuffer,
    state: PpoState,
    workspace: PpoWorkspace,
  ) {
    const part = (offset: number): Float32Array =>
      new Float32Array(buffer, offset + block.networkOffset * 4, network.parameterCount);
    this.#builder = builder;
    this.#network = network;
    this.#block = block;
    this.#workspace = workspace;
    this.#buffer = buffer;
    this.#parameters = part(state.parameters);
    this.#gradients = part(workspace.gradients);
  }

  /** Normal distributions begin with σ = 1. */
  initialize(block: Float32Array, random: RandomStream): void {
    const { networkOffset } = this.#block;
    const network = this.#builder.build(random);
    block.fill(0, 0, networkOffset);
    network.store(block.subarray(networkOffset));
    network.dispose();
  }

  computeValues(observation: number, rows: number): void {
    const { outputs, values } = this.#workspace.networkValues;
    this.#network.load(this.#parameters);
    this.#network.forward(this.#input(observation, rows), rows, this.#views(outputs, values, rows));
  }

  differentiate(rows: number, losses: () => void): void {
    const { minibatch, networkValues } = this.#workspace;
    const { outputs, values, outputGradient, valueGradient } = networkValues;
    this.#network.load(this.#parameters);
    this.#network.differentiate(
      this.#input(minibatch.observation, rows),
      rows,
      this.#views(outputs, values, rows),
      losses,
      this.#views(outputGradient, valueGradient, rows),
      this.#gradients,
    );
  }

  #input(observation: number, rows: number): Float32Array {
    return new Float32Array(this.#buffer, observation, rows * this.#workspace.batch.observationSize);
  }

  #views(outputs: number, values: number, rows: number): Float32Array[] {
    return [
      new Float32Array(this.#buffer, outputs, rows * this.#block.distribution.outputs),
      new Float32Array(this.#buffer, values, rows),
    ];
  }
}

async function planTensorFlowPpo(configuration: PpoConfiguration, context: AlgorithmContext): Promise<AlgorithmPlan> {
  const builder = await loadBuilder(configuration, context);
  const block = planBlock(context, builder.plan(anyRandom));
  const state = new Layout();
  const policy = new Layout();
  const trainer = new Layout();
  planState(state, block);
  planPolicyWorkspace(policy, block.distribution);
  planTensorFlowWorkspace(trainer, block, configuration, context);
  return {
    ...ppo.plan(configuration, context),
    engine: builder.engineName,
    parameterCount: block.parameterCount,
    parameters: block.parameters,
    stateBytes: alignUp(state.end),
    policyScratchBytes: alignUp(policy.end),
    trainerScratchBytes: alignUp(trainer.end),
  };
}

async function createPolicy(
  configuration: PpoConfiguration,
  context: AlgorithmContext,
  kernels: Kernels,
  scratch: number,
): Promise<ActingPolicy> {
  const network = (await loadBuilder(configuration, context)).build(anyRandom());
  return new TensorFlowPpoPolicy(network, configuration, context, kernels, scratch);
}

async function createTrainer(
  configuration: PpoConfiguration,
  context: AlgorithmContext,
  kernels: Kernels,
  stateOffset: number,
  scratch: number,
): Promise<PpoTrainer> {
  const builder = await loadBuilder(configuration, context);
  const network = builder.build(anyRandom());
  const block = planBlock(context, network);
  const state = planState(new Layout(stateOffset), block);
  const workspace = planTensorFlowWorkspace(new Layout(scratch), block, configuration, context);
  const passes = new TensorFlowPasses(builder, network, block, kernels.memory.buffer, state, workspace);
  return new PpoTrainer(configuration, block, kernels, state, workspace, passes);
}

export const tensorFlowPpo = {
  name: ppo.name,
  schema: ppo.schema,
  plan: planTensorFlowPpo,
  createPolicy,
  createTrainer,
} satisfies Algorithm<PpoConfiguration>;
