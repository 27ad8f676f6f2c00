import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import type { QState } from '#marlin/algorithms/q-update.js';
import type { TransitionBatch } from '#marlin/buffer/transition-batch.js';
import type { GoldenDqn, GoldenIqn } from './golden.js';
import type { LearnerMemory } from './learner-memory.js';

// One training step on a golden file of a learner of action values, whatever computes its network.

/** A learner whose inner numbers a golden file can be written to. */
export type GoldenLearner = LearnerMemory & {
  readonly state: QState;
  readonly trainer: { readonly batch: TransitionBatch; readonly metrics: Float64Array; step(): void };
};

type Golden = GoldenDqn | GoldenIqn;

/** Settings that DQN and IQN have in common. */
function commonSettings({ config }: Golden): Record<string, unknown> {
  return {
    frameStack: 1,
    discount: config.discount,
    nStep: config.nStep,
    learningRate: config.learningRate,
    adam: config.adam,
    maxGradNorm: config.maxGradNorm,
    targetUpdate: { kind: 'soft', tau: config.targetTau },
  };
}

export function dqnSettings(golden: GoldenDqn): Record<string, unknown> {
  const { hidden, dueling, doubleQ, huberDelta } = golden.config;
  return { ...commonSettings(golden), hiddenSizes: hidden, dueling, doubleQ, huberDelta };
}

export function iqnSettings(golden: GoldenIqn): Record<string, unknown> {
  const { hidden, quantiles, cosines, noisy } = golden.config;
  const noise = { kind: noisy ? 'independent' : 'none' };
  return { ...commonSettings(golden), hiddenSizes: [hidden, hidden], quantiles, cosines, noise };
}

export function goldenContext({ config }: Golden): AlgorithmContext {
  return {
    agent: {
      id: 'golden',
      observation: { size: config.observation, dtype: 'f32' },
      action: { kind: 'discrete', count: config.actions },
    },
    batchSize: config.batch,
    rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
  };
}

/** Writes a golden file's parameters and batch, and takes the step. */
export function stepOnGolden(learner: GoldenLearner, { config, params, target, batch }: Golden): void {
  const { trainer, state, memory } = learner;
  trainer.metrics.fill(Number.NaN);
  learner.write(state.parameters, params);
  learner.write(state.target, target);
  new Float64Array(memory.buffer, state.adam.powers, 2).fill(1);
  learner.fill(trainer.batch.observation, batch.observation.data);
  learner.fill(trainer.batch.nextObservation, batch.nextObservation.data);
  learner.fillWords(trainer.batch.action, batch.action);
  learner.fill(trainer.batch.nStepReturn, batch.nStepReturn.data);
  const bootstrap = config.discount ** config.nStep;
  learner.fill(
    trainer.batch.bootstrapDiscount,
    batch.terminal.map((terminal) => (terminal === 1 ? 0 : bootstrap)),
  );
  learner.fill(trainer.batch.weight, 'weight' in batch ? batch.weight.data : batch.valid);
  trainer.step();
}
