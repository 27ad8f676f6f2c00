import { describe, expect, it } from 'vitest';
import { expectClose } from '../kernels/close.js';
import { DqnLearner } from './dqn-learner.js';
import { goldenFiles } from './golden.js';
import type { GoldenDqn, GoldenTensors } from './golden.js';

/** One training step on a golden file's parameters and batch. */
function stepOn({ config, params, target, batch }: GoldenDqn): DqnLearner {
  const learner = new DqnLearner(
    {
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
    },
    {
      agent: {
        id: 'golden',
        observation: { size: config.observation, dtype: 'f32' },
        action: { kind: 'discrete', count: config.actions },
      },
      batchSize: config.batch,
    },
  );
  const { trainer, state } = learner;
  trainer.metrics.fill(Number.NaN);
  learner.write(state.parameters, params);
  learner.write(state.target, target);
  new Float64Array(learner.memory.buffer, state.adam.powers, 2).fill(1);
  learner.fill(trainer.batch.observation, batch.observation.data);
  learner.fill(trainer.batch.nextObservation, batch.nextObservation.data);
  learner.fillActions(batch.action);
  learner.fill(trainer.batch.nStepReturn, batch.nStepReturn.data);
  const bootstrap = config.discount ** config.nStep;
  const discounts = batch.terminal.map((terminal) => (terminal === 1 ? 0 : bootstrap));
  learner.fill(trainer.batch.bootstrapDiscount, discounts);
  learner.fill(trainer.batch.weight, batch.weight.data);
  trainer.step();
  return learner;
}

function expectTensors(
  learner: DqnLearner,
  offset: number,
  expected: GoldenTensors,
  relative: number,
  absolute: number,
) {
  const names = learner.network.parameters.map(({ name }) => name);
  expect(names.toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [name, tensor] of Object.entries(expected)) {
    expectClose(learner.read(offset, name), tensor.data, name, relative, absolute);
  }
}

const files = goldenFiles('dqn');

it('finds golden files of DQN', () => {
  expect(files).not.toHaveLength(0);
});

describe.each(files)('$name', ({ golden }) => {
  const { expected, config } = golden;
  const learner = stepOn(golden);
  const { workspace, state, trainer } = learner;
  const [loss, , , gradientNorm] = trainer.metrics;

  it('agrees on the action values', () => {
    expectClose(learner.memory.floats(workspace.online.q, expected.qValues.data.length), expected.qValues.data, 'q');
  });

  it('agrees on the temporal-difference errors and the loss', () => {
    expectClose(learner.memory.floats(workspace.tdError, config.batch), expected.tdError.data, 'td error');
    expectClose([loss ?? Number.NaN], [expected.loss], 'loss');
  });

  it('agrees on the gradients and their norm', () => {
    expectTensors(learner, workspace.gradients, expected.gradients, 1e-5, 1e-6);
    expectClose([gradientNorm ?? Number.NaN], [expected.gradNorm], 'norm');
  });

  it('agrees on the parameters and the target after a step, to 0.01 × learning rate', () => {
    expectTensors(learner, state.parameters, expected.paramsAfter, 0, 0.01 * config.learningRate);
    expectTensors(learner, state.target, expected.targetAfter, 0, 0.01 * config.learningRate);
  });
});
