import type { AlgorithmPlan, Experience, ReplayExperience, Trainer } from '../algorithms/algorithm.js';
import type { DrawStrategy } from '../buffer/draw-strategy.js';
import { alignUp, Layout } from '../buffer/layout.js';
import { PrioritizedDraw } from '../buffer/prioritized-draw.js';
import type { PriorityLists, PriorityState } from '../buffer/priority-plan.js';
import {
  initializePriorityState,
  planPriorityLists,
  planPriorityState,
  priorityBytesPerRow,
} from '../buffer/priority-plan.js';
import { initializeReturnTracker, ReturnTracker, returnTrackerBytes } from '../buffer/return-tracker.js';
import type { RingPlan } from '../buffer/ring-plan.js';
import { checkCapacity } from '../buffer/ring-plan.js';
import { RingSampler } from '../buffer/ring-sampler.js';
import { RingWindows } from '../buffer/ring-windows.js';
import type { RolloutLists } from '../buffer/rollout-sampler.js';
import {
  initializeRolloutState,
  minimumRolloutCapacity,
  planRolloutLists,
  rolloutStateBytes,
  RolloutSampler,
} from '../buffer/rollout-sampler.js';
import type { Sampler } from '../buffer/sampler.js';
import type { TransitionBatch } from '../buffer/transition-batch.js';
import type { ReaderLists } from '../buffer/transition-reader.js';
import { planReaderLists } from '../buffer/transition-reader.js';
import { UniformDraw } from '../buffer/uniform-draw.js';
import { ConfigurationError, MarlinError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';

// What the kinds of experience mean for a policy's rings and for the sampler that empties them.

interface RingSizes {
  readonly rings: number;
  readonly capacity: number;
}

/** Sizes that a sampler's memory depends on. */
export interface SamplerSizes extends RingSizes {
  readonly batchSize: number;
  readonly frames: number;
}

/** Byte offsets of a sampler's own lists in policy memory. Plain data. */
export type SamplerPlan =
  | { readonly kind: 'replay'; readonly lists: ReaderLists; readonly priorities: PriorityLists | undefined }
  | { readonly kind: 'rollout'; readonly lists: RolloutLists }
  | { readonly kind: 'none' };

/** @throws ConfigurationError where the rings are too small for what is sampled from them */
export function checkRingCapacity(experience: Experience, sizes: SamplerSizes): void {
  const { capacity, batchSize, frames } = sizes;
  const field = 'parallel.bufferCapacity';
  if (experience.kind === 'replay') checkCapacity(field, capacity, batchSize, experience.steps, frames);
  if (experience.kind !== 'rollout') return;
  const least = minimumRolloutCapacity(experience.turns, frames);
  if (capacity >= least) return;
  const why = `a rollout of ${experience.turns} turns must stay whole while it is learnt`;
  throw new ConfigurationError(field, capacity, `at least ${least}`, why);
}

/** Bytes of what a sampler must find again when its thread was replaced; part of the learner's state. */
export function samplerStateBytes(experience: Experience, sizes: RingSizes): number {
  return ownStateBytes(experience, sizes) + (tracksReturns(experience) ? returnTrackerBytes(sizes.rings) : 0);
}

function tracksReturns(experience: Experience): boolean {
  return experience.kind !== 'none' && experience.tracksReturns === true;
}

/** Of the sampler itself, before what a tracker of returns adds behind it. */
function ownStateBytes(experience: Experience, { rings, capacity }: RingSizes): number {
  if (experience.kind === 'rollout') return alignUp(rolloutStateBytes(rings));
  if (experience.kind === 'none' || experience.priorities === undefined) return 0;
  const layout = new Layout();
  planPriorityState(layout, rings, capacity);
  return alignUp(layout.end);
}

/** Bytes that a sampler takes for each row of the rings. */
export function samplerBytesPerRow(experience: Experience): number {
  return experience.kind === 'replay' && experience.priorities !== undefined ? priorityBytesPerRow : 0;
}

function priorityStateAt(state: number, { rings, capacity }: RingSizes): PriorityState {
  return planPriorityState(new Layout(state), rings, capacity);
}

export function planSampler(layout: Layout, experience: Experience, sizes: SamplerSizes): SamplerPlan {
  const { rings, capacity, batchSize, frames } = sizes;
  switch (experience.kind) {
    case 'replay':
      return {
        kind: 'replay',
        lists: planReaderLists(layout, batchSize, frames),
        priorities:
          experience.priorities === undefined ? undefined : planPriorityLists(layout, rings, capacity, batchSize),
      };
    case 'rollout':
      return { kind: 'rollout', lists: planRolloutLists(layout, experience.turns * rings, frames) };
    case 'none':
      return { kind: 'none' };
  }
}

/** Writes the sampler's state of an untrained learner at byte `state`. */
export function initializeSampler(
  buffer: SharedArrayBuffer,
  experience: Experience,
  rings: RingPlan,
  state: number,
): void {
  if (experience.kind === 'rollout') initializeRolloutState(buffer, rings, state);
  if (experience.kind === 'replay' && experience.priorities !== undefined) {
    initializePriorityState(buffer, rings, priorityStateAt(state, rings));
  }
  if (!tracksReturns(experience)) return;
  initializeReturnTracker(buffer, rings, state + ownStateBytes(experience, rings));
}

/** What a policy's sampler is made of. */
export interface SamplerParts {
  readonly kernels: Kernels;
  readonly algorithmPlan: AlgorithmPlan;
  readonly observationScale: number;
  readonly rings: RingPlan;
  readonly plan: SamplerPlan;
  readonly trainer: Trainer;
  /** Byte offset of its state. */
  readonly state: number;
  readonly random: RandomStream;
  /** What replay sees of the rings. Default: what is there. */
  readonly windows?: RingWindows | undefined;
}

export function createSampler(parts: SamplerParts): Sampler {
  const { kernels, algorithmPlan, rings, trainer, state } = parts;
  const sampler = createOwnSampler(parts);
  const { experience } = algorithmPlan;
  const { batch } = trainer;
  if (experience.kind === 'none' || experience.tracksReturns !== true || batch === undefined) return sampler;
  const trackerState = state + ownStateBytes(experience, rings);
  const { buffer } = kernels.memory;
  const { discount } = experience;
  return new TrackingSampler(sampler, new ReturnTracker(buffer, rings, discount, trackerState, batch.returnDeviation));
}

/** Looks at every reward besides. */
class TrackingSampler implements Sampler {
  readonly #sampler: Sampler;
  readonly #tracker: ReturnTracker;

  constructor(sampler: Sampler, tracker: ReturnTracker) {
    this.#sampler = sampler;
    this.#tracker = tracker;
  }

  get redraws(): number {
    return this.#sampler.redraws;
  }

  ready(): boolean {
    return this.#sampler.ready();
  }

  sample(): void {
    this.#sampler.sample();
    // As far as the sampler has looked: what a training step sees of its rings is seen once.
    this.#tracker.follow(this.#sampler);
  }

  learned(): void {
    this.#sampler.learned();
  }

  seen(ring: number): number {
    return this.#sampler.seen(ring);
  }

  vouchesFor(ring: number, position: number): boolean {
    return this.#sampler.vouchesFor(ring, position);
  }
}

function createOwnSampler(parts: SamplerParts): Sampler {
  const { kernels, algorithmPlan, observationScale, rings, plan, trainer, state } = parts;
  const { experience, frames } = algorithmPlan;
  const { batch } = trainer;
  const { buffer } = kernels.memory;
  if (experience.kind === 'none') return noSampler;
  if (experience.kind === 'replay' && plan.kind === 'replay' && batch?.kind === 'replay') {
    const rule = { frames, steps: experience.steps, discount: experience.discount, observationScale };
    const draw = createDraw(parts, experience, plan.priorities, batch);
    return new RingSampler(buffer, rings, batch, rule, plan.lists, kernels, draw);
  }
  if (experience.kind === 'rollout' && plan.kind === 'rollout' && batch?.kind === 'rollout') {
    const rule = { frames, observationScale, trainingSteps: experience.trainingSteps };
    return new RolloutSampler(buffer, rings, batch, rule, plan.lists, kernels, state);
  }
  const what = batch === undefined ? 'no batch' : `a batch for ${batch.kind}`;
  throw new MarlinError('ERR_STATE', `An algorithm that learns by ${experience.kind} has a trainer with ${what}.`);
}

function createDraw(
  { kernels, algorithmPlan, rings, state, random, windows: given }: SamplerParts,
  { steps, priorities: settings }: ReplayExperience,
  lists: PriorityLists | undefined,
  batch: TransitionBatch,
): DrawStrategy {
  const { buffer } = kernels.memory;
  const windows = given ?? new RingWindows(buffer, rings, algorithmPlan.frames);
  if (settings === undefined || lists === undefined) return new UniformDraw(rings, batch.size, windows, random);
  const priorityState = priorityStateAt(state, rings);
  const common = { buffer, plan: rings, batch, steps, settings, kernels, windows, random };
  return new PrioritizedDraw({ ...common, state: priorityState, lists });
}

/** Of a policy that learns nothing. */
const noSampler: Sampler = {
  redraws: 0,
  ready: () => false,
  sample() {},
  seen: () => 0,
  vouchesFor: () => true,
  learned() {},
};
