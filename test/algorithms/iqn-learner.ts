import * as v from 'valibot';
import type { ActingPolicy, AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { IqnTrainer, iqn } from '#marlin/algorithms/iqn.js';
import type { IqnConfiguration } from '#marlin/algorithms/iqn.js';
import { planNetwork, planWorkspace } from '#marlin/algorithms/iqn-memory.js';
import { planQState } from '#marlin/algorithms/q-update.js';
import type { QState } from '#marlin/algorithms/q-update.js';
import { Layout } from '#marlin/buffer/layout.js';
import type { NoiseSource } from '#marlin/network/noise-source.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { LearnerMemory } from './learner-memory.js';

/** Hands out given numbers, one list after another. */
export class ScriptedSource implements NoiseSource {
  readonly #memory: KernelMemory;
  readonly #uniform: ArrayLike<number>[];
  readonly #gaussian: ArrayLike<number>[];

  constructor(memory: KernelMemory, uniform: readonly ArrayLike<number>[], gaussian: readonly ArrayLike<number>[]) {
    this.#memory = memory;
    this.#uniform = [...uniform];
    this.#gaussian = [...gaussian];
  }

  uniform(offset: number, count: number): void {
    this.#write(this.#uniform.shift(), offset, count);
  }

  gaussian(offset: number, count: number): void {
    this.#write(this.#gaussian.shift(), offset, count);
  }

  #write(values: ArrayLike<number> | undefined, offset: number, count: number): void {
    if (values?.length !== count) throw new Error(`${count} numbers were asked for, not ${values?.length}.`);
    new Float32Array(this.#memory.buffer, offset, count).set(values);
  }
}

/** A trainer and a policy over a memory of their own, with their inner numbers in reach. */
export class IqnLearner extends LearnerMemory {
  readonly memory: KernelMemory;
  readonly trainer: IqnTrainer;
  readonly policy: ActingPolicy;
  readonly configuration: IqnConfiguration;
  readonly network: ReturnType<typeof planNetwork>;
  readonly state: QState;
  readonly workspace: ReturnType<typeof planWorkspace>;

  /** @param source given the memory, what noise and fractions come from; by default the learner's own generator */
  constructor(
    settings: Record<string, unknown>,
    context: AlgorithmContext,
    source?: (learner: Pick<IqnLearner, 'memory' | 'network'>) => NoiseSource,
  ) {
    super();
    this.configuration = v.parse(iqn.schema, settings);
    const plan = iqn.plan(this.configuration, context);
    const layout = new Layout(64 * 1024);
    const state = layout.reserve(plan.stateBytes);
    const scratch = layout.reserve(plan.trainerScratchBytes);
    const policyScratch = layout.reserve(plan.policyScratchBytes);
    this.memory = new KernelMemory(layout.end);
    this.network = planNetwork(this.configuration, context);
    const { kernels } = this.memory;
    this.trainer = new IqnTrainer(this.configuration, context, kernels, state, scratch, source?.(this));
    this.policy = iqn.createPolicy(this.configuration, context, kernels, policyScratch);
    this.state = planQState(new Layout(state), this.network);
    this.workspace = planWorkspace(new Layout(scratch), this.network, this.configuration, context);
  }
}
