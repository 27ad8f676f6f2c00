import * as v from 'valibot';
import { dqn, DqnTrainer } from '#marlin/algorithms/dqn.js';
import type { DqnConfiguration } from '#marlin/algorithms/dqn.js';
import { planWorkspace, planNetwork } from '#marlin/algorithms/dqn-memory.js';
import { planQState } from '#marlin/algorithms/q-update.js';
import type { QState } from '#marlin/algorithms/q-update.js';
import type { ActingPolicy, AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { Layout } from '#marlin/buffer/layout.js';
import type { NoiseSource } from '#marlin/network/noise-source.js';
import { readTensor, writeTensor } from '#marlin/network/parameter-layout.js';
import { KernelMemory } from '../kernels/kernel-memory.js';

/** A trainer and a policy over a memory of its own, with its inner numbers in reach. */
export class DqnLearner {
  readonly memory: KernelMemory;
  readonly trainer: DqnTrainer;
  readonly policy: ActingPolicy;
  readonly configuration: DqnConfiguration;
  readonly network: ReturnType<typeof planNetwork>;
  readonly state: QState;
  readonly workspace: ReturnType<typeof planWorkspace>;

  /** @param source given the memory, what noise comes from; by default the learner's own generator */
  constructor(
    settings: Record<string, unknown>,
    context: AlgorithmContext,
    source?: (memory: KernelMemory) => NoiseSource,
  ) {
    this.configuration = v.parse(dqn.schema, settings);
    const plan = dqn.plan(this.configuration, context);
    const layout = new Layout(64 * 1024);
    const state = layout.reserve(plan.stateBytes);
    const scratch = layout.reserve(plan.trainerScratchBytes);
    const policyScratch = layout.reserve(plan.policyScratchBytes);
    this.memory = new KernelMemory(layout.end);
    const { kernels } = this.memory;
    this.trainer = new DqnTrainer(this.configuration, context, kernels, state, scratch, source?.(this.memory));
    this.policy = dqn.createPolicy(this.configuration, context, kernels, policyScratch);
    this.network = planNetwork(this.configuration, context);
    this.state = planQState(new Layout(state), this.network);
    this.workspace = planWorkspace(new Layout(scratch), this.network, this.configuration, context);
  }

  /** The live block of parameters, target parameters or gradients that begins at `offset`. */
  block(offset: number): Float32Array {
    return new Float32Array(this.memory.buffer, offset, this.network.parameterCount);
  }

  write(offset: number, tensors: Readonly<Record<string, { readonly data: readonly number[] }>>): void {
    for (const tensor of this.network.parameters) {
      writeTensor(this.block(offset), tensor, tensors[tensor.name]?.data ?? []);
    }
  }

  read(offset: number, name: string): Float32Array {
    const tensor = this.network.parameters.find((candidate) => candidate.name === name);
    if (tensor === undefined) throw new Error(`The network has no tensor ${name}.`);
    return readTensor(this.block(offset), tensor);
  }

  fill(offset: number, values: ArrayLike<number>): void {
    new Float32Array(this.memory.buffer, offset, values.length).set(values);
  }

  fillActions(actions: ArrayLike<number>): void {
    new Int32Array(this.memory.buffer, this.trainer.batch.action, actions.length).set(actions);
  }
}
