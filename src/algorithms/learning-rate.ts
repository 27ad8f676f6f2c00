import { z } from 'zod';
import type { TrainingRate } from './training-rate.js';
import { turnsAtTrainStep } from './training-rate.js';

/** A constant, or a line from `start` to `end` over the first `duration` turns or training steps, constant after it. */
export const learningRateSchema = z.union([
  z.number().positive(),
  z.strictObject({
    start: z.number().positive(),
    end: z.number().min(0),
    duration: z.number().positive(),
    unit: z.enum(['turns', 'trainSteps']).default('turns'),
  }),
]);

export type LearningRate = z.infer<typeof learningRateSchema>;

/**
 * The learning rate of a training step, the first being step 1. A learner knows no turns: those of a step are the turns
 * after which it came to be owed, which are the same in every execution.
 */
export function learningRateAt(schedule: LearningRate, trainStep: number, rate: TrainingRate): number {
  if (typeof schedule === 'number') return schedule;
  const { start, end, duration, unit } = schedule;
  const elapsed = unit === 'turns' ? turnsAtTrainStep(trainStep, rate) : trainStep - 1;
  const share = Math.min(1, elapsed / duration);
  return (1 - share) * start + share * end;
}
