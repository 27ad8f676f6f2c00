import { describe, expect, it } from 'vitest';
import { differenceOf, singlePrecision } from '../kernels/difference.js';
import type { Tolerance } from '../kernels/difference.js';
import { DqnLearner } from './dqn-learner.js';
import { goldenFiles } from './golden.js';
import { dqnSettings, goldenContext, stepOnGolden } from './golden-step.js';
import type { GoldenDqn, GoldenTensors } from './golden.js';

/** One training step on a golden file's parameters and batch. */
function stepOn(golden: GoldenDqn): DqnLearner {
  const learner = new DqnLearner(dqnSettings(golden), goldenContext(golden));
  stepOnGolden(learner, golden);
  return learner;
}

/** Differences of all tensors by name; empty where they agree. */
function tensorDifferences(learner: DqnLearner, offset: number, expected: GoldenTensors, tolerance: Tolerance) {
  return Object.entries(expected).flatMap(([name, { data }]) => {
    const difference = differenceOf(learner.read(offset, name), data, tolerance);
    return difference === undefined ? [] : [`${name}${difference}`];
  });
}

const files = goldenFiles('dqn');

it('finds golden files of DQN', () => {
  expect(files).not.toHaveLength(0);
});

describe.each(files)('$name', ({ golden }) => {
  const { expected, config } = golden;
  const learner = stepOn(golden);
  const { workspace, state, trainer, memory } = learner;
  const [loss, , , gradientNorm] = trainer.metrics;

  it('has the tensors that the file names', () => {
    const names = learner.network.parameters.map(({ name }) => name);
    expect(names.toSorted()).toEqual(Object.keys(golden.params).toSorted());
  });

  it('agrees on the action values', () => {
    const q = memory.floats(workspace.online.q, expected.qValues.data.length);
    expect(differenceOf(q, expected.qValues.data)).toBeUndefined();
  });

  it('agrees on the temporal-difference errors and the loss', () => {
    const tdError = memory.floats(workspace.batch.priority, config.batch);
    expect(differenceOf(tdError, expected.tdError.data)).toBeUndefined();
    expect(differenceOf([loss ?? Number.NaN], [expected.loss])).toBeUndefined();
  });

  it('agrees on the gradients and their norm', () => {
    expect(tensorDifferences(learner, workspace.gradients, expected.gradients, singlePrecision)).toEqual([]);
    expect(differenceOf([gradientNorm ?? Number.NaN], [expected.gradNorm])).toBeUndefined();
  });

  it('agrees on the parameters and the target after a step, to 0.01 × learning rate', () => {
    const tolerance = { relative: 0, absolute: 0.01 * config.learningRate };
    expect(tensorDifferences(learner, state.parameters, expected.paramsAfter, tolerance)).toEqual([]);
    expect(tensorDifferences(learner, state.target, expected.targetAfter, tolerance)).toEqual([]);
  });
});
