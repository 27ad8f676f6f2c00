import * as v from 'valibot';
import type { ActingPolicy, AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { planNetwork, planState, planWorkspace } from '#marlin/algorithms/ppo-memory.js';
import { ppo } from '#marlin/algorithms/ppo.js';
import type { PpoConfiguration, PpoTrainer } from '#marlin/algorithms/ppo.js';
import { Layout } from '#marlin/buffer/layout.js';
import type { ActionSpace } from '#marlin/environment/environment.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { LearnerMemory } from './learner-memory.js';

export function ppoContext(action: ActionSpace, observationSize: number, hasActionMask = false): AlgorithmContext {
  return {
    agent: { id: 'agent-0', observation: { size: observationSize, dtype: 'f32' }, action, hasActionMask },
    batchSize: 64,
    rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
  };
}

const guardBytes = 128;
const guardByte = 0xa5;

/** A trainer and a policy over a memory of its own, with its inner numbers in reach and guards around its regions. */
export class PpoLearner extends LearnerMemory {
  readonly memory: KernelMemory;
  readonly trainer: PpoTrainer;
  readonly policy: ActingPolicy;
  readonly configuration: PpoConfiguration;
  readonly network: ReturnType<typeof planNetwork>;
  readonly state: ReturnType<typeof planState>;
  readonly workspace: ReturnType<typeof planWorkspace>;
  readonly stateBytes: number;
  /** Where the trainer's scratch memory begins. */
  readonly scratch: number;
  readonly #guards: readonly number[];

  constructor(settings: Record<string, unknown>, context: AlgorithmContext) {
    super();
    this.configuration = v.parse(ppo.schema, settings);
    const plan = ppo.plan(this.configuration, context);
    const layout = new Layout(64 * 1024);
    const guards = [layout.reserve(guardBytes)];
    const guarded = (bytes: number): number => {
      const region = layout.reserve(bytes);
      guards.push(layout.reserve(guardBytes));
      return region;
    };
    const state = guarded(plan.stateBytes);
    const scratch = guarded(plan.trainerScratchBytes);
    const policyScratch = guarded(plan.policyScratchBytes);
    this.stateBytes = plan.stateBytes;
    this.scratch = scratch;
    this.#guards = guards;
    this.memory = new KernelMemory(layout.end);
    for (const guard of guards) new Uint8Array(this.memory.buffer, guard, guardBytes).fill(guardByte);
    this.trainer = ppo.createTrainer(this.configuration, context, this.memory.kernels, state, scratch);
    this.policy = ppo.createPolicy(this.configuration, context, this.memory.kernels, policyScratch);
    this.network = planNetwork(this.configuration, context);
    this.state = planState(new Layout(state), this.network);
    this.workspace = planWorkspace(new Layout(scratch), this.network, this.configuration, context);
  }

  /** False once anything was written beside the regions of state and scratch memory. */
  get isInside(): boolean {
    return this.#guards.every((guard) => this.memory.bytes(guard, guardBytes).every((byte) => byte === guardByte));
  }
}
