import { describe, expect, it } from 'vitest';
import { rolloutEnd } from '#marlin/buffer/rollout-batch.js';
import { differenceOf, singlePrecision } from '../kernels/difference.js';
import type { Tolerance } from '../kernels/difference.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { goldenFiles } from './golden.js';
import type { GoldenPpo, GoldenTensors } from './golden.js';
import { ppoContext, PpoLearner } from './ppo-learner.js';

/** Advantages and returns of the file's rows, taken as one rollout. */
function advantagesOf({ config, batch }: GoldenPpo): { advantage: Float32Array; returns: Float32Array } {
  const { batch: rows } = config;
  const memory = new KernelMemory();
  const ends = batch.terminal.map((terminal, row) => {
    if (terminal === 1) return rolloutEnd.terminated;
    return batch.truncated[row] === 1 || row === rows - 1 ? rolloutEnd.cut : rolloutEnd.none;
  });
  // An unfinished last row is cut: the value behind it is the last of all.
  const isUnfinished = batch.truncated[rows - 1] !== 1;
  const cutValues = [...batch.truncationValue.data, batch.lastValue];
  const cutRows = ends.map((_, row) => (row === rows - 1 && isUnfinished ? rows : row));
  const advantage = memory.room(rows * 4);
  const returns = memory.room(rows * 4);
  memory.kernels.generalizedAdvantages(
    advantage,
    returns,
    memory.f32(batch.reward.data),
    memory.f32(batch.value.data),
    memory.u8(ends),
    memory.i32(cutRows),
    memory.f32(cutValues),
    1,
    rows,
    config.discount,
    config.gaeLambda,
  );
  return { advantage: memory.floats(advantage, rows), returns: memory.floats(returns, rows) };
}

/** One training step on a golden file's parameters and batch, all of it one minibatch. */
function stepOn({ config, params, batch, expected }: GoldenPpo) {
  const learner = new PpoLearner(
    {
      hiddenSizes: config.hidden,
      rolloutTurns: config.batch,
      minibatchSize: config.batch,
      passes: 1,
      discount: config.discount,
      gaeLambda: config.gaeLambda,
      clipRange: config.clipRange,
      valueCoefficient: config.valueCoefficient,
      entropyCoefficient: config.entropyCoefficient,
      learningRate: config.learningRate,
      adam: config.adam,
      maxGradNorm: config.maxGradNorm,
    },
    ppoContext({ kind: 'discrete', count: config.actions }, config.observation),
  );
  const { trainer, state, memory, workspace } = learner;
  const { minibatch } = trainer.update;
  trainer.metrics.fill(Number.NaN);
  learner.write(state.parameters, params);
  new Float64Array(memory.buffer, state.adam.powers, 2).fill(1);
  learner.fill(minibatch.observation, batch.observation.data);
  learner.fillWords(minibatch.actions.action, batch.action);
  learner.fill(minibatch.oldLogProbability, batch.oldLogProbability.data);
  learner.fill(minibatch.advantage, expected.advantages.data);
  learner.fill(minibatch.returns, expected.returns.data);
  // Before the step: it turns logits into log-probabilities.
  let logits: Float32Array = new Float32Array();
  trainer.update.passes.differentiate(config.batch, () => {
    logits = memory.floats(workspace.networkValues.outputs, config.batch * config.actions);
  });
  trainer.update.step(config.batch);
  return { learner, logits };
}

/** Differences of all tensors by name; empty where they agree. */
function tensorDifferences(learner: PpoLearner, offset: number, expected: GoldenTensors, tolerance: Tolerance) {
  const tensors = learner.readAll(offset);
  return Object.entries(expected).flatMap(([name, { data }]) => {
    const difference = differenceOf(tensors[name] ?? [], data, tolerance);
    return difference === undefined ? [] : [`${name}${difference}`];
  });
}

const files = goldenFiles('ppo');

it('finds golden files of PPO', () => {
  expect(files).not.toHaveLength(0);
});

describe.each(files)('$name', ({ golden }) => {
  const { expected, config } = golden;
  const { learner, logits } = stepOn(golden);
  const { workspace, state, trainer, memory } = learner;
  const [loss, policyLoss, valueLoss, entropy, approximateKl, clipFraction, , gradientNorm] = trainer.metrics;

  it('agrees on advantages and returns', () => {
    const { advantage, returns } = advantagesOf(golden);
    expect(differenceOf(advantage, expected.advantages.data)).toBeUndefined();
    expect(differenceOf(returns, expected.returns.data)).toBeUndefined();
  });

  it('has the tensors that the file names', () => {
    const names = learner.network.parameters.map(({ name }) => name);
    expect(names.toSorted()).toEqual(Object.keys(golden.params).toSorted());
  });

  it('agrees on logits and values', () => {
    expect(differenceOf(logits, expected.logits.data)).toBeUndefined();
    const values = memory.floats(workspace.networkValues.values, config.batch);
    expect(differenceOf(values, expected.values.data)).toBeUndefined();
  });

  it('agrees on the loss, its parts and the figures beside it', () => {
    const actual = [loss, policyLoss, valueLoss, entropy, approximateKl, clipFraction].map(Number);
    const { loss: total, policyLoss: policy, valueLoss: value, entropy: bonus } = expected;
    expect(
      differenceOf(actual, [total, policy, value, bonus, expected.approximateKl, expected.clipFraction]),
    ).toBeUndefined();
  });

  it('agrees on the gradients and their norm', () => {
    expect(tensorDifferences(learner, workspace.gradients, expected.gradients, singlePrecision)).toEqual([]);
    expect(differenceOf([gradientNorm ?? Number.NaN], [expected.gradNorm])).toBeUndefined();
  });

  it('agrees on the parameters after a step, to 0.01 × learning rate', () => {
    const tolerance = { relative: 0, absolute: 0.01 * config.learningRate };
    expect(tensorDifferences(learner, state.parameters, expected.paramsAfter, tolerance)).toEqual([]);
  });
});
