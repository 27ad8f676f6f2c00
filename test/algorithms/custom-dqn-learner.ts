import * as v from 'valibot';
import type { ActingPolicy, AlgorithmContext, AlgorithmPlan, Trainer } from '#marlin/algorithms/algorithm.js';
import { planQState } from '#marlin/algorithms/q-update.js';
import type { QState } from '#marlin/algorithms/q-update.js';
import { planTensorFlowWorkspace, tensorFlowDqn } from '#marlin/algorithms/dqn-tensorflow.js';
import { Layout } from '#marlin/buffer/layout.js';
import type { TransitionBatch } from '#marlin/buffer/transition-batch.js';
import { readTensor, writeTensor } from '#marlin/network/parameter-layout.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import type { GoldenTensors } from './golden.js';

/** The parts of {@link CustomDqnLearner} that are made asynchronously. */
interface Parts {
  readonly plan: AlgorithmPlan;
  readonly memory: KernelMemory;
  readonly trainer: Trainer & { readonly batch: TransitionBatch };
  readonly policy: ActingPolicy;
  readonly state: QState;
  readonly workspace: ReturnType<typeof planTensorFlowWorkspace>;
}

/** The address of a module in test/tensorflow/fixtures. */
export function fixture(name: string): string {
  return new URL(`../tensorflow/fixtures/${name}`, import.meta.url).href;
}

/** A trainer and a policy of DQN with a custom network, over a memory of its own, with its inner numbers in reach. */
export class CustomDqnLearner {
  readonly plan: Parts['plan'];
  readonly memory: Parts['memory'];
  readonly trainer: Parts['trainer'];
  readonly policy: Parts['policy'];
  readonly state: Parts['state'];
  readonly workspace: Parts['workspace'];

  private constructor({ plan, memory, trainer, policy, state, workspace }: Parts) {
    this.plan = plan;
    this.memory = memory;
    this.trainer = trainer;
    this.policy = policy;
    this.state = state;
    this.workspace = workspace;
  }

  static async create(settings: Record<string, unknown>, context: AlgorithmContext): Promise<CustomDqnLearner> {
    const configuration = v.parse(tensorFlowDqn.schema, settings);
    const plan = await tensorFlowDqn.plan(configuration, context);
    const layout = new Layout(64 * 1024);
    const state = layout.reserve(plan.stateBytes);
    const scratch = layout.reserve(plan.trainerScratchBytes);
    const policyScratch = layout.reserve(plan.policyScratchBytes);
    const memory = new KernelMemory(layout.end);
    const trainer = await tensorFlowDqn.createTrainer(configuration, context, memory.kernels, state, scratch);
    return new CustomDqnLearner({
      plan,
      memory,
      trainer: trainer as Parts['trainer'],
      policy: await tensorFlowDqn.createPolicy(configuration, context, memory.kernels, policyScratch),
      state: planQState(new Layout(state), plan),
      workspace: planTensorFlowWorkspace(new Layout(scratch), configuration, context, plan.parameterCount),
    });
  }

  /** The live block of parameters, target parameters or gradients that begins at `offset`. */
  block(offset: number): Float32Array {
    return new Float32Array(this.memory.buffer, offset, this.plan.parameterCount);
  }

  write(offset: number, tensors: GoldenTensors): void {
    for (const tensor of this.plan.parameters) {
      writeTensor(this.block(offset), tensor, tensors[tensor.name]?.data ?? []);
    }
  }

  read(offset: number, name: string): Float32Array {
    const tensor = this.plan.parameters.find((candidate) => candidate.name === name);
    if (tensor === undefined) throw new Error(`The network has no tensor ${name}.`);
    return readTensor(this.block(offset), tensor);
  }

  fill(offset: number, values: ArrayLike<number>): void {
    new Float32Array(this.memory.buffer, offset, values.length).set(values);
  }
}
