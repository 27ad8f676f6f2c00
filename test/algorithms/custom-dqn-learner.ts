import * as v from 'valibot';
import type { ActingPolicy, AlgorithmContext, AlgorithmPlan, Trainer } from '#marlin/algorithms/algorithm.js';
import { planQState } from '#marlin/algorithms/q-update.js';
import type { QState } from '#marlin/algorithms/q-update.js';
import { planTensorFlowWorkspace, tensorFlowDqn } from '#marlin/algorithms/dqn-tensorflow.js';
import { Layout } from '#marlin/buffer/layout.js';
import type { TransitionBatch } from '#marlin/buffer/transition-batch.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { LearnerMemory } from './learner-memory.js';

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
export class CustomDqnLearner extends LearnerMemory {
  readonly plan: Parts['plan'];
  readonly memory: Parts['memory'];
  readonly trainer: Parts['trainer'];
  readonly policy: Parts['policy'];
  readonly state: Parts['state'];
  readonly workspace: Parts['workspace'];

  private constructor({ plan, memory, trainer, policy, state, workspace }: Parts) {
    super();
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

  get network(): Parts['plan'] {
    return this.plan;
  }
}
