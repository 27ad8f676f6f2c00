import * as v from 'valibot';
import { count, finiteNumber, positive, settingsBy, share, strictSettings } from '../schemas.js';
import type { ReplayExperience } from './algorithm.js';
import { learningRateSchema } from './learning-rate.js';
import type { LearningRate } from './learning-rate.js';

// Settings that learners of action values share.

const epsilonUnit = v.optional(v.picklist(['epochs', 'turns']), 'epochs');

/** Share of random actions; see `EpsilonSchedule`. */
export const epsilonSchema = settingsBy('kind', [
  /** Linear from `start` to `end` over `duration`. */
  strictSettings({
    kind: v.optional(v.literal('linear')),
    start: v.optional(share, 1),
    end: v.optional(share, 0.05),
    duration: v.optional(v.pipe(finiteNumber, v.minValue(0)), 200),
    unit: epsilonUnit,
  }),
  /** Multiplied by `factor` each epoch or turn, but at least `end`. */
  strictSettings({
    kind: v.literal('decay'),
    start: v.optional(share, 1),
    end: v.optional(share, 0.05),
    factor: v.optional(share, 0.99),
    unit: epsilonUnit,
  }),
]);

const decay = v.pipe(finiteNumber, v.minValue(0), v.ltValue(1));

export const adamSchema = strictSettings({
  beta1: v.optional(decay, 0.9),
  beta2: v.optional(decay, 0.999),
  /** Added outside the square root. */
  epsilon: v.optional(positive, 1e-8),
});

const targetUpdateSchema = settingsBy('kind', [
  /** The target network becomes a copy of the online network every so many training steps. */
  strictSettings({ kind: v.literal('hard'), every: v.optional(count, 200) }),
  strictSettings({
    kind: v.literal('soft'),
    /** After every training step target += τ · (online − target). */
    tau: v.optional(v.pipe(positive, v.maxValue(1)), 0.005),
    /** Besides, it becomes a copy every so many training steps. Default: never. */
    copyEvery: v.optional(count),
  }),
]);

/** Which transitions are trained on. */
const replaySchema = settingsBy('kind', [
  strictSettings({ kind: v.literal('uniform') }),
  /** A transition is drawn in proportion to (|td error| + floor)^exponent (Schaul et al. 2016). */
  strictSettings({
    kind: v.literal('prioritized'),
    /** α: 0 draws uniformly, 1 in proportion. */
    exponent: v.optional(share, 0.6),
    /** β, by which rarer draws weigh more: linear from `start` to `end` over `duration` training steps. */
    correction: v.optional(
      strictSettings({
        start: v.optional(share, 0.4),
        end: v.optional(share, 1),
        duration: v.optional(positive, 10_000),
      }),
      {},
    ),
    /** Added to |td error|, so that every transition is drawn some time. */
    floor: v.optional(positive, 1e-6),
  }),
]);

const notNegative = v.pipe(finiteNumber, v.minValue(0));

/** Noise on weights (Fortunato et al. 2018). */
export const noiseSchema = settingsBy('kind', [
  /** One number per input and output of a layer. σ begins at `sigma` / √inputs. */
  strictSettings({ kind: v.literal('factorised'), sigma: v.optional(notNegative, 0.5) }),
  /** One number per weight. σ begins at `sigma`. */
  strictSettings({ kind: v.literal('independent'), sigma: v.optional(notNegative, 0.017) }),
  strictSettings({ kind: v.literal('none') }),
]);

/** What DQN and IQN have in common, with the defaults of small gridworlds. */
export const qSettings = {
  /** Observations stacked to one network input. */
  frameStack: v.optional(count, 5),
  /** γ, per step. */
  discount: v.optional(share, 0.9),
  /** n of the n-step return. */
  nStep: v.optional(count, 3),
  /** Learning rate of Adam, constant or falling. */
  learningRate: v.optional(learningRateSchema, 2.5e-4),
  adam: v.optional(adamSchema, {}),
  /** Gradients are scaled down to this global norm. */
  maxGradNorm: v.optional(positive, 10),
  targetUpdate: v.optional(targetUpdateSchema, { kind: 'hard', every: 200 }),
  /** Which transitions are trained on. */
  replay: v.optional(replaySchema, { kind: 'uniform' }),
  /** Share of random actions. */
  epsilon: v.optional(epsilonSchema, {}),
} as const;

/** Settings that say what a batch is made of. */
interface ReplaySettings {
  readonly nStep: number;
  readonly discount: number;
  readonly replay: v.InferOutput<typeof replaySchema>;
}

export function replayExperience({ nStep, discount, replay }: ReplaySettings): ReplayExperience {
  const priorities = replay.kind === 'prioritized' ? replay : undefined;
  return { kind: 'replay', steps: nStep, discount, priorities };
}

/** What all of them need to know to turn gradients into new parameters. */
export interface UpdateSettings {
  readonly learningRate: LearningRate;
  readonly adam: v.InferOutput<typeof adamSchema>;
  readonly maxGradNorm: number;
  readonly targetUpdate: v.InferOutput<typeof targetUpdateSchema>;
}
