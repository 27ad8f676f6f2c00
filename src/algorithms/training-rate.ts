/** How much training a number of turns earns. The same for every execution, actor and learner. */
export interface TrainingRate {
  /** Turns per training event. */
  readonly trainInterval: number;
  /** Training steps per training event and policy. */
  readonly gradientSteps: number;
  /** Turns before the first that count. */
  readonly learningStarts: number;
}

/** Training steps that each policy owes after `turns` turns, summed over environment copies. */
export function owedTrainSteps(turns: number, rate: TrainingRate): number {
  return rate.gradientSteps * Math.floor(Math.max(0, turns - rate.learningStarts) / rate.trainInterval);
}

/** Turns after which a training step came to be owed, the first being step 1: the learner's only notion of turns. */
export function turnsAtTrainStep(trainStep: number, rate: TrainingRate): number {
  return rate.learningStarts + rate.trainInterval * Math.ceil(trainStep / rate.gradientSteps);
}
