import type { SeatPlan } from '../actor/agent-seat.js';
import { planSeat } from '../actor/agent-seat.js';
import type { AlgorithmContext, AlgorithmPlan } from '../algorithms/algorithm.js';
import { algorithmNamed } from '../algorithms/algorithms.js';
import { Layout, sectionAlignment } from '../buffer/layout.js';
import type { RingPlan } from '../buffer/ring-plan.js';
import { planRing } from '../buffer/ring-plan.js';
import type { ReaderLists } from '../buffer/transition-reader.js';
import { planReaderLists } from '../buffer/transition-reader.js';
import type { WeightPlan } from '../buffer/weights.js';
import { planWeights, readerScratchBytes } from '../buffer/weights.js';
import type { AgentSpec } from '../environment/environment.js';
import { ConfigurationError } from '../errors.js';
import { firstFreeByte } from '../kernels/kernels.js';
import type { LearnerStatePlan } from '../learner/learner-state.js';
import { planLearnerState } from '../learner/learner-state.js';
import type { AgentSettings, ResolvedConfiguration } from './configuration.js';
import { checkBufferCapacity } from './configuration.js';

/** One actor's own part of a policy memory: byte offsets. */
export interface ActorShare {
  readonly policyScratch: number;
  readonly readerScratch: number;
  /** One per agent of the policy. */
  readonly seats: readonly SeatPlan[];
}

/**
 * Everything about one policy that the threads must agree on. Plain data.
 *
 * ```
 * policy memory
 * ┌──────────┬─────────┬───────┬─────────┬───────────────────────────┬──────────────────────────┐
 * │ 0–64 KiB │ learner │ rings │ weights │ per actor: seats, scratch │ learner: batch, scratch  │
 * │ kernels' │ state   │       │ slots   │ (that actor writes)       │ (the learner writes)     │
 * └──────────┴─────────┴───────┴─────────┴───────────────────────────┴──────────────────────────┘
 * ```
 */
export interface PolicyPlan {
  readonly id: string;
  /** Indices of its agents in the environment. */
  readonly agents: readonly number[];
  readonly algorithmName: string;
  /** The algorithm's own configuration. */
  readonly algorithm: unknown;
  readonly context: AlgorithmContext;
  readonly algorithmPlan: AlgorithmPlan;
  readonly priority: number;
  /** Bytes of the policy memory. */
  readonly bytes: number;
  readonly learner: LearnerStatePlan;
  readonly rings: RingPlan;
  readonly weights: WeightPlan;
  readonly actors: readonly ActorShare[];
  readonly trainerScratch: number;
  readonly readerLists: ReaderLists;
}

const memoryLimit = 2 ** 32;

/**
 * Lays out the memory of one policy.
 * @param agent what the policy plays; `index` is its place in the environment
 * @throws ConfigurationError where the ring is too small, or the memory would exceed 4 GiB
 */
export function planPolicy(
  configuration: ResolvedConfiguration,
  settings: AgentSettings,
  agent: AgentSpec,
  index: number,
  actorCount: number,
): PolicyPlan {
  const { parallel } = configuration;
  const algorithm = algorithmNamed(settings.algorithmName);
  const context: AlgorithmContext = { agent, batchSize: parallel.batchSize };
  const plan = algorithm.plan(settings.algorithm, context);
  checkBufferCapacity(configuration, plan.steps, plan.frames);

  const layout = new Layout(firstFreeByte);
  const learner = planLearnerState(layout, plan.stateBytes, plan.metricNames.length);
  const rings = planRing(layout, {
    capacity: parallel.bufferCapacity,
    observationSize: agent.observation.size,
    observationDtype: agent.observation.dtype,
    actionCount: agent.action.count,
    hasActionMask: agent.hasActionMask === true,
    fields: plan.ringFields,
    rings: actorCount,
  });
  const parameterBytes = plan.parameterCount * 4;
  const weights = planWeights(layout, parallel.mode, parameterBytes);
  const actors = Array.from({ length: actorCount }, () => ({
    policyScratch: layout.reserve(plan.policyScratchBytes),
    readerScratch: layout.reserve(readerScratchBytes(parallel.mode, parameterBytes)),
    seats: [planSeat(layout, agent, plan.frames)],
  }));
  const trainerScratch = layout.reserve(plan.trainerScratchBytes);
  const readerLists = planReaderLists(layout, parallel.batchSize, plan.frames);
  if (layout.end > memoryLimit) throw tooLarge(configuration, rings, agent.id, layout.end);
  return {
    id: agent.id,
    agents: [index],
    algorithmName: settings.algorithmName,
    algorithm: settings.algorithm,
    context,
    algorithmPlan: plan,
    priority: settings.priority,
    bytes: layout.end,
    learner,
    rings,
    weights,
    actors,
    trainerScratch,
    readerLists,
  };
}

function tooLarge(
  configuration: ResolvedConfiguration,
  rings: RingPlan,
  agent: string,
  bytes: number,
): ConfigurationError {
  const { bufferCapacity } = configuration.parallel;
  const ringBytes = rings.rings * bufferCapacity * bytesPerRow(rings);
  const rest = bytes - ringBytes;
  const gibibytes = (bytes / 2 ** 30).toFixed(1);
  const why = `the memory of ${agent} would take ${gibibytes} GiB, of which the ring ${(ringBytes / 2 ** 30).toFixed(1)}; 4 GiB can be addressed`;
  // With another capacity, each column may have to begin up to a line later.
  const spare = (6 + rings.fields.length) * sectionAlignment;
  const most = Math.floor((memoryLimit - rest - spare) / (rings.rings * bytesPerRow(rings)));
  return most > 0
    ? new ConfigurationError('parallel.bufferCapacity', bufferCapacity, `at most ${most}`, why)
    : new ConfigurationError('agents.algorithm', configuration.agents[0].algorithmName, 'a smaller network', why);
}

/** Bytes of one row over all columns, rounded up. */
function bytesPerRow(rings: RingPlan): number {
  const fields = rings.fields.reduce((sum, field) => sum + field.size * 4, 0);
  return rings.bytesPerObservation + 13 + (rings.hasActionMask ? rings.actionCount : 0) + fields;
}
