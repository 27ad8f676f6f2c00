import * as v from 'valibot';
import { finiteNumber, positive, strictSettings } from '../schemas.js';
import type { TrainingRate } from './training-rate.js';
import { turnsAtTrainStep } from './training-rate.js';

/** A constant, or a line from `start` to `end` over the first `duration` turns or training steps, constant after it. */
export const learningRateSchema = v.union([
  positive,
  strictSettings({
    start: positive,
    end: v.pipe(finiteNumber, v.minValue(0)),
    duration: positive,
    unit: v.optional(v.picklist(['turns', 'trainSteps']), 'turns'),
  }),
]);

export type LearningRate = v.InferOutput<typeof learningRateSchema>;

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
