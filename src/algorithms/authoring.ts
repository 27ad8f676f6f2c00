// What `marlin-rl/algorithm` exports: the plug-in contract, and the pieces that the built-in algorithms are made of where
// they are of use to others. See docs/algorithms.md.

export type {
  ActingPolicy,
  ActingStep,
  Algorithm,
  AlgorithmContext,
  AlgorithmPlan,
  Awaitable,
  EpsilonSchedule,
  Experience,
  Preset,
  ReplayExperience,
  RolloutExperience,
  Trainer,
} from './algorithm.js';
export type { TrainingRate } from './training-rate.js';

// Memory.
export { alignUp, Layout } from '../buffer/layout.js';
export type { RingField } from '../buffer/ring-plan.js';
export { planRolloutBatch, rolloutEnd } from '../buffer/rollout-batch.js';
export type { RolloutBatch } from '../buffer/rollout-batch.js';
export { planTransitionBatch } from '../buffer/transition-batch.js';
export type { TransitionBatch } from '../buffer/transition-batch.js';
export { ParameterLayout } from '../network/parameter-layout.js';
export type { ParameterTensor, Storage } from '../network/parameter-layout.js';

// Numbers.
export type { RandomStream } from '../random.js';
export type { Kernels } from '../kernels/kernels.js';
export { Adam, planAdam } from '../network/adam.js';
export type { AdamPlan, AdamSettings } from '../network/adam.js';

// Settings.
export { ConfigurationError } from '../errors.js';
export { learningRateAt, learningRateSchema } from './learning-rate.js';
export type { LearningRate } from './learning-rate.js';
export { adamSchema, epsilonSchema } from './q-settings.js';
export { count, countOrZero, finiteNumber, positive, settingsBy, share, strictSettings, text } from '../schemas.js';
export * as v from 'valibot';
