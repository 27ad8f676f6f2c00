import * as v from 'valibot';
import { dqn, DqnTrainer } from '#marlin/algorithms/dqn.js';
import type { DqnConfiguration } from '#marlin/algorithms/dqn.js';
import { planWorkspace, planNetwork } from '#marlin/algorithms/dqn-memory.js';
import { planQState } from '#marlin/algorithms/q-update.js';
import type { QState } from '#marlin/algorithms/q-update.js';
import type { ActingPolicy, AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { Layout } from '#marlin/buffer/layout.js';
import type { NoiseSource } from '#marlin/network/noise-source.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { LearnerMemory } from './learner-memory.js';

/** A trainer and a policy over a memory of its own, with its inner numbers in reach. */
export class DqnLearner extends LearnerMemory {
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
    super();
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
}
