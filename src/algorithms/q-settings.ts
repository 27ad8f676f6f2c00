import * as v from 'valibot';
import { count, finiteNumber, positive, settingsBy, share, strictSettings } from '../schemas.js';
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

export const targetUpdateSchema = settingsBy('kind', [
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

/** What all of them need to know to turn gradients into new parameters. */
export interface UpdateSettings {
  readonly learningRate: LearningRate;
  readonly adam: v.InferOutput<typeof adamSchema>;
  readonly maxGradNorm: number;
  readonly targetUpdate: v.InferOutput<typeof targetUpdateSchema>;
}
