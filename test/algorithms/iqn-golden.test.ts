import { describe, expect, it } from 'vitest';
import type { planNetwork } from '#marlin/algorithms/iqn-memory.js';
import { writeTensor } from '#marlin/network/parameter-layout.js';
import { differenceOf, singlePrecision } from '../kernels/difference.js';
import type { Tolerance } from '../kernels/difference.js';
import { goldenContext, iqnSettings, stepOnGolden } from './golden-step.js';
import { goldenFiles } from './golden.js';
import type { GoldenIqn, GoldenTensors } from './golden.js';
import { IqnLearner, ScriptedSource } from './iqn-learner.js';

/** A pass's ε as the layers ask for them: those of the hidden layer, then those of the head. */
function noiseOf(network: ReturnType<typeof planNetwork>, noise: GoldenTensors | null): Float32Array[] {
  if (noise === null || network.noise === undefined) return [];
  const block = new Float32Array(network.parameterCount);
  for (const tensor of network.parameters.filter(({ name }) => name.startsWith('s'))) {
    // swf → f, sbf → bf
    writeTensor(block, tensor, noise[tensor.name.replace(/^sw?/, '')]?.data ?? []);
  }
  const { hidden, head } = network.noise;
  return [hidden, head].map(({ sigma, count }) => block.slice(sigma, sigma + count));
}

/** One training step on a golden file's parameters, batch, fractions and noise. */
function stepOn(golden: GoldenIqn): IqnLearner {
  const { taus, noise } = golden;
  const learner = new IqnLearner(iqnSettings(golden), goldenContext(golden), ({ memory, network }) => {
    const passes = ['nextOnline', 'nextTarget', 'online'] as const;
    return new ScriptedSource(
      memory,
      passes.map((pass) => taus[pass].data),
      passes.flatMap((pass) => noiseOf(network, noise[pass])),
    );
  });
  stepOnGolden(learner, golden);
  return learner;
}

/** Differences of all tensors by name; empty where they agree. */
function tensorDifferences(learner: IqnLearner, offset: number, expected: GoldenTensors, tolerance: Tolerance) {
  return Object.entries(expected).flatMap(([name, { data }]) => {
    const difference = differenceOf(learner.read(offset, name), data, tolerance);
    return difference === undefined ? [] : [`${name}${difference}`];
  });
}

const files = goldenFiles('iqn');

it('finds golden files of IQN', () => {
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

  it('agrees on the quantile values', () => {
    const values = memory.floats(workspace.values, expected.quantileValues.data.length);
    expect(differenceOf(values, expected.quantileValues.data)).toBeUndefined();
  });

  it('agrees on the next actions, the targets and the loss', () => {
    const { actions } = config;
    const means = memory.floats(workspace.nextMeans, config.batch * actions);
    const best = expected.bestNextAction.map((_, row) => {
      const values = [...means.subarray(row * actions, (row + 1) * actions)];
      return values.indexOf(Math.max(...values));
    });
    expect(best).toEqual(expected.bestNextAction);
    const targets = memory.floats(workspace.targets, expected.targetQuantiles.data.length);
    expect(differenceOf(targets, expected.targetQuantiles.data)).toBeUndefined();
    expect(differenceOf([loss ?? Number.NaN], [expected.loss])).toBeUndefined();
  });

  it('agrees on the gradients and their norm', () => {
    expect(tensorDifferences(learner, workspace.gradients, expected.gradients, singlePrecision)).toEqual([]);
    expect(differenceOf([gradientNorm ?? Number.NaN], [expected.gradNorm])).toBeUndefined();
  });

  it('agrees on the parameters and the target after a step, to 0.01 × learning rate', () => {
    const tolerance = { relative: 0, absolute: 0.01 * config.learningRate };
    const { paramsAfter, targetAfter } = expected;
    expect(tensorDifferences(learner, state.parameters, paramsAfter, tolerance)).toEqual([]);
    const softly = Object.entries(paramsAfter).map(([name, { shape, data }]) => {
      const before = golden.target[name]?.data ?? [];
      const moved = data.map((value, index) => {
        const old = before[index] ?? Number.NaN;
        return old + config.targetTau * (value - old);
      });
      return [name, { shape, data: moved }] as const;
    });
    const expectedTarget = targetAfter ?? Object.fromEntries(softly);
    expect(tensorDifferences(learner, state.target, expectedTarget, tolerance)).toEqual([]);
  });
});
