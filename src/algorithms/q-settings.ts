import { z } from 'zod';

// Settings that learners of action values share.

const share = z.number().min(0).max(1);
const epsilonUnit = z.enum(['epochs', 'turns']).default('epochs');

/** Share of random actions; see `EpsilonSchedule`. */
export const epsilonSchema = z.discriminatedUnion('kind', [
  /** Linear from `start` to `end` over `duration`. */
  z.strictObject({
    kind: z.literal('linear').optional(),
    start: share.default(1),
    end: share.default(0.05),
    duration: z.number().min(0).default(200),
    unit: epsilonUnit,
  }),
  /** Multiplied by `factor` each epoch or turn, but at least `end`. */
  z.strictObject({
    kind: z.literal('decay'),
    start: share.default(1),
    end: share.default(0.05),
    factor: share.default(0.99),
    unit: epsilonUnit,
  }),
]);

export const adamSchema = z.strictObject({
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  /** Added outside the square root. */
  epsilon: z.number().positive().default(1e-8),
});

export const targetUpdateSchema = z.discriminatedUnion('kind', [
  /** The target network becomes a copy of the online network every so many training steps. */
  z.strictObject({ kind: z.literal('hard'), every: z.int().positive().default(200) }),
  z.strictObject({
    kind: z.literal('soft'),
    /** After every training step target += τ · (online − target). */
    tau: z.number().positive().max(1).default(0.005),
    /** Besides, it becomes a copy every so many training steps. Default: never. */
    copyEvery: z.int().positive().optional(),
  }),
]);

export type TargetUpdate = z.infer<typeof targetUpdateSchema>;
