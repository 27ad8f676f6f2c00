import { AgentPlayer, planPlayer } from '../actor/agent-player.js';
import type { EpochOutcome, PlayedAgent } from '../actor/epoch-player.js';
import { EpochPlayer } from '../actor/epoch-player.js';
import { Layout } from '../buffer/layout.js';
import type { AgentSpec, TurnEnvironment } from '../environment/environment.js';
import type { ErrorData } from '../errors.js';
import { errorToData } from '../errors.js';
import type { KernelMemory, Kernels } from '../kernels/kernels.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '../kernels/kernels.js';
import { RandomStream } from '../random.js';
import { loadAlgorithm } from './algorithm-modules.js';
import type { EnvironmentPlan } from './environments.js';
import { checkSameAgents, createEnvironment } from './environments.js';
import type { PlayablePolicy } from './playable-policy.js';

/** Whom to play, and where. Plain data. */
export interface EvaluationPlan {
  readonly environment: EnvironmentPlan;
  readonly agents: readonly AgentSpec[];
  readonly policies: readonly PlayablePolicy[];
}

/** What to play: so many epochs of the world for each seed, seed after seed. */
export interface Worlds {
  readonly seeds: readonly number[];
  readonly epochs: number;
}

/** What one thread of the pool has to do: each `parts`-th epoch from `part` on. */
export interface EvaluationTask {
  readonly plan: EvaluationPlan;
  readonly worlds: Worlds;
  readonly part: number;
  readonly parts: number;
  readonly isGreedy: boolean;
  /** One shared word: not 0 once nobody wants the result any more. */
  readonly stop: Int32Array;
}

/** How a task ends; errors travel as data, see `worker-call.ts`. */
export type EvaluationOutcome =
  | { readonly ok: true; readonly epochs: readonly EpochOutcome[] }
  | { readonly ok: false; readonly error: ErrorData };

/** The work of a thread of the pool: makes an environment of its own and plays epochs of it. */
export async function runEvaluationTask(task: EvaluationTask): Promise<EvaluationOutcome> {
  const { plan, worlds, part, parts, isGreedy, stop } = task;
  let environment: TurnEnvironment | undefined;
  try {
    environment = await createEnvironment(plan.environment);
    checkSameAgents(plan.agents, environment);
    const agents = await playedAgents(plan);
    const player = new EpochPlayer(environment, agents, plan.environment.maxTurns, isGreedy);
    const mayGoOn = (): boolean => Atomics.load(stop, 0) === 0;
    const epochs: EpochOutcome[] = [];
    for (let index = part; index < worlds.seeds.length * worlds.epochs; index += parts) {
      const seed = worlds.seeds[Math.floor(index / worlds.epochs)];
      const outcome = player.play(seed, index % worlds.epochs, mayGoOn);
      if (outcome === undefined) break;
      epochs.push(outcome);
    }
    return { ok: true, epochs };
  } catch (thrown) {
    return { ok: false, error: errorToData(thrown) };
  } finally {
    environment?.dispose?.();
  }
}

/** The agents in the environment's order, all policies side by side in one memory. */
export async function playedAgents({ agents, policies }: EvaluationPlan): Promise<PlayedAgent[]> {
  const layout = new Layout(firstFreeByte);
  const places = [];
  for (const policy of policies) {
    const algorithm = await loadAlgorithm(policy.algorithmReference);
    const plan = await algorithm.plan(policy.algorithm, policy.context);
    const { frames, ringFields } = plan;
    places.push({
      policy,
      algorithm,
      plan,
      parameters: layout.reserve(policy.weights.byteLength),
      scratch: layout.reserve(plan.policyScratchBytes),
      seats: policy.agents.map((index) => planPlayer(layout, agents[index], frames, ringFields)),
    });
  }
  const kernels = kernelsOver(layout.end);
  const played: PlayedAgent[] = [];
  for (const { policy, algorithm, plan, parameters, scratch, seats } of places) {
    const { weights, weightsVersion, epsilon = 0, context } = policy;
    new Uint8Array(kernels.memory.buffer).set(new Uint8Array(weights), parameters);
    const acting = await algorithm.createPolicy(policy.algorithm, context, kernels, scratch);
    const { frames, ringFields: fields } = plan;
    for (const [seat, index] of policy.agents.entries()) {
      // Named again at the start of each epoch.
      const random = RandomStream.named({ seed: 0, role: 'evaluation' });
      const agent = agents[index];
      const player = new AgentPlayer({ agent, plan: seats[seat], frames, fields, kernels, policy: acting, random });
      played[index] = { player, parameters, weightsVersion, epsilon };
    }
  }
  return played;
}

let memory: KernelMemory | undefined;

/** A thread plays one task after another and keeps its memory: each reserves gigabytes of address space. */
function kernelsOver(bytes: number): Kernels {
  if (memory === undefined || memory.buffer.byteLength < bytes) memory = createKernelMemory(bytes);
  new Uint8Array(memory.buffer).fill(0);
  return instantiateKernels(kernelModule(), memory);
}
