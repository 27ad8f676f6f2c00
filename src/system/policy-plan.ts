import type { SeatPlan } from '../actor/agent-seat.js';
import { planSeat } from '../actor/agent-seat.js';
import type { Algorithm, AlgorithmContext, AlgorithmPlan, Experience } from '../algorithms/algorithm.js';
import type { TrainingRate } from '../algorithms/training-rate.js';
import { Layout, sectionAlignment } from '../buffer/layout.js';
import type { RingPlan } from '../buffer/ring-plan.js';
import { planRing } from '../buffer/ring-plan.js';
import type { WeightPlan } from '../buffer/weights.js';
import { planWeights, readerScratchBytes } from '../buffer/weights.js';
import { actionMaskSize, actionSize } from '../environment/action-space.js';
import type { AgentSpec } from '../environment/environment.js';
import { ConfigurationError } from '../errors.js';
import { firstFreeByte } from '../kernels/kernels.js';
import type { LearnerStatePlan } from '../learner/learner-state.js';
import { planLearnerState } from '../learner/learner-state.js';
import type { AlgorithmReference } from './algorithm-modules.js';
import type { AgentSettings, ResolvedConfiguration } from './configuration.js';
import type { SamplerPlan } from './experience.js';
import { checkRingCapacity, planSampler, samplerBytesPerRow, samplerStateBytes } from './experience.js';

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
  readonly algorithmReference: AlgorithmReference;
  /** The algorithm's own configuration. */
  readonly algorithm: unknown;
  readonly context: AlgorithmContext;
  readonly algorithmPlan: AlgorithmPlan;
  readonly pace: TrainingPace;
  readonly priority: number;
  /** Bytes of the policy memory. */
  readonly bytes: number;
  /** End of what outlives its threads: learner state, rings and weights lie below. */
  readonly durableEnd: number;
  readonly learner: LearnerStatePlan;
  readonly rings: RingPlan;
  readonly weights: WeightPlan;
  readonly actors: readonly ActorShare[];
  readonly trainerScratch: number;
  readonly sampler: SamplerPlan;
}

/** When a policy trains, and who waits for whom. */
export interface TrainingPace {
  readonly rate: TrainingRate;
  /** Owed training steps that its learner may be behind before the actor waits. */
  readonly maxTrainingLag: number;
  /** Training steps between publications. */
  readonly publishInterval: number;
}

/** Replay goes by the run's rates; a rollout is learnt as a whole, and until it is the actor waits. */
function paceOf(experience: Experience, { parallel }: ResolvedConfiguration): TrainingPace {
  switch (experience.kind) {
    case 'replay':
      return {
        rate: rateOf(parallel),
        maxTrainingLag: parallel.execution === 'lockstep' ? 0 : parallel.maxTrainingLag,
        publishInterval: parallel.publishInterval,
      };
    case 'rollout': {
      const { turns, trainingSteps } = experience;
      const rate = { trainInterval: turns, gradientSteps: trainingSteps, learningStarts: 0 };
      return { rate, maxTrainingLag: 0, publishInterval: trainingSteps };
    }
    case 'none':
      return { rate: { ...rateOf(parallel), gradientSteps: 0 }, maxTrainingLag: Infinity, publishInterval: 1 };
  }
}

export function rateOf({
  trainInterval,
  gradientSteps,
  learningStarts,
}: ResolvedConfiguration['parallel']): TrainingRate {
  return { trainInterval, gradientSteps, learningStarts };
}

const memoryLimit = 2 ** 32;

/**
 * Lays out the memory of one policy.
 * @param agent what the policy plays; `index` is its place in the environment
 * @throws ConfigurationError where the ring is too small, or the memory would exceed 4 GiB
 */
export async function planPolicy(
  configuration: ResolvedConfiguration,
  settings: AgentSettings,
  algorithm: Algorithm,
  agent: AgentSpec,
  index: number,
  actorCount: number,
): Promise<PolicyPlan> {
  const { parallel } = configuration;
  const context: AlgorithmContext = { agent, batchSize: parallel.batchSize, rate: rateOf(parallel) };
  const plan = await algorithm.plan(settings.algorithm, context);
  const { experience, frames } = plan;
  const sizes = { rings: actorCount, capacity: parallel.bufferCapacity, batchSize: parallel.batchSize, frames };
  checkRingCapacity(experience, sizes);

  const layout = new Layout(firstFreeByte);
  const samplerBytes = samplerStateBytes(experience, sizes);
  const learner = planLearnerState(layout, plan.stateBytes, samplerBytes, plan.metricNames.length);
  const rings = planRing(layout, {
    capacity: parallel.bufferCapacity,
    observationSize: agent.observation.size,
    observationDtype: agent.observation.dtype,
    actionSize: actionSize(agent.action),
    maskSize: actionMaskSize(agent.action),
    hasActionMask: agent.hasActionMask === true,
    fields: plan.ringFields,
    rings: actorCount,
  });
  const parameterBytes = plan.parameterCount * 4;
  const weights = planWeights(layout, parallel.mode, parameterBytes);
  const durableEnd = layout.end;
  const actors = Array.from({ length: actorCount }, () => ({
    policyScratch: layout.reserve(plan.policyScratchBytes),
    readerScratch: layout.reserve(readerScratchBytes(parallel.mode, parameterBytes)),
    seats: [planSeat(layout, agent, frames, plan.ringFields)],
  }));
  const trainerScratch = layout.reserve(plan.trainerScratchBytes);
  const sampler = planSampler(layout, experience, sizes);
  if (layout.end > memoryLimit)
    throw tooLarge(configuration, rings, samplerBytesPerRow(experience), agent.id, layout.end);
  return {
    id: agent.id,
    agents: [index],
    algorithmReference: settings.algorithmReference,
    algorithm: settings.algorithm,
    context,
    algorithmPlan: plan,
    pace: paceOf(experience, configuration),
    priority: settings.priority,
    bytes: layout.end,
    durableEnd,
    learner,
    rings,
    weights,
    actors,
    trainerScratch,
    sampler,
  };
}

function tooLarge(
  configuration: ResolvedConfiguration,
  rings: RingPlan,
  samplerRowBytes: number,
  agent: string,
  bytes: number,
): ConfigurationError {
  const { bufferCapacity } = configuration.parallel;
  const rowBytes = bytesPerRow(rings) + samplerRowBytes;
  const ringBytes = rings.rings * bufferCapacity * rowBytes;
  const rest = bytes - ringBytes;
  const gibibytes = (bytes / 2 ** 30).toFixed(1);
  const why = `the memory of ${agent} would take ${gibibytes} GiB, of which the ring ${(ringBytes / 2 ** 30).toFixed(1)}; 4 GiB can be addressed`;
  // With another capacity, each column may have to begin up to a line later, and a sampler's a few bytes longer.
  const spare = (12 + rings.fields.length) * sectionAlignment;
  const most = Math.floor((memoryLimit - rest - spare) / (rings.rings * rowBytes));
  return most > 0
    ? new ConfigurationError('parallel.bufferCapacity', bufferCapacity, `at most ${most}`, why)
    : new ConfigurationError('agents.algorithm', configuration.agents[0].algorithm, 'a smaller network', why);
}

/** Bytes of one row over all columns, rounded up. */
function bytesPerRow(rings: RingPlan): number {
  const fields = rings.fields.reduce((sum, field) => sum + field.size * 4, 0);
  return rings.bytesPerObservation + 9 + rings.actionSize * 4 + (rings.hasActionMask ? rings.maskSize : 0) + fields;
}
