import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import type { QState } from '#marlin/algorithms/q-update.js';
import type { TransitionBatch } from '#marlin/buffer/transition-batch.js';
import type { KernelMemory } from '../kernels/kernel-memory.js';
import type { GoldenDqn, GoldenTensors } from './golden.js';

// One training step on a golden file, whatever computes the network.

/** A learner whose inner numbers a golden file can be written to. */
export interface GoldenLearner {
  readonly memory: KernelMemory;
  readonly state: QState;
  readonly trainer: { readonly batch: TransitionBatch; readonly metrics: Float64Array; step(): void };
  write(offset: number, tensors: GoldenTensors): void;
}

export function goldenSettings({ config }: GoldenDqn): Record<string, unknown> {
  return {
    hiddenSizes: config.hidden,
    dueling: config.dueling,
    doubleQ: config.doubleQ,
    frameStack: 1,
    discount: config.discount,
    nStep: config.nStep,
    learningRate: config.learningRate,
    adam: config.adam,
    maxGradNorm: config.maxGradNorm,
    huberDelta: config.huberDelta,
    targetUpdate: { kind: 'soft', tau: config.targetTau },
  };
}

export function goldenContext({ config }: GoldenDqn): AlgorithmContext {
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
export function stepOnGolden(learner: GoldenLearner, { config, params, target, batch }: GoldenDqn): void {
  const { trainer, state, memory } = learner;
  const fill = (offset: number, values: readonly number[]): void => {
    new Float32Array(memory.buffer, offset, values.length).set(values);
  };
  trainer.metrics.fill(Number.NaN);
  learner.write(state.parameters, params);
  learner.write(state.target, target);
  new Float64Array(memory.buffer, state.adam.powers, 2).fill(1);
  fill(trainer.batch.observation, batch.observation.data);
  fill(trainer.batch.nextObservation, batch.nextObservation.data);
  new Int32Array(memory.buffer, trainer.batch.action, config.batch).set(batch.action);
  fill(trainer.batch.nStepReturn, batch.nStepReturn.data);
  const bootstrap = config.discount ** config.nStep;
  const discounts = batch.terminal.map((terminal) => (terminal === 1 ? 0 : bootstrap));
  fill(trainer.batch.bootstrapDiscount, discounts);
  fill(trainer.batch.weight, batch.weight.data);
  trainer.step();
}
