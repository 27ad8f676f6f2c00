import { expect, it } from 'vitest';
import type { ActionSpace } from '#marlin/environment/environment.js';
import { choiceCounts } from '#marlin/environment/action-space.js';
import { RandomStream } from '#marlin/random.js';
import { differenceOf } from '../kernels/difference.js';
import { numericalGradient, product, uniformStream, uniformValues } from '../kernels/reference.js';
import { ppoContext, PpoLearner } from './ppo-learner.js';

// A whole training step against the formulas: the loss of a minibatch and its gradient by every parameter.

const [rows, inputs] = [7, 5];
const settings = {
  hiddenSizes: [6, 4],
  rolloutTurns: rows,
  minibatchSize: rows,
  valueCoefficient: 0.7,
  entropyCoefficient: 0.05,
  initialWeights: 'uniform',
};

type Tensors = Record<string, Float64Array>;

/** Tensors by name in f64, tanh between layers. */
function forward(tensors: Tensors, prefix: string, observation: Float64Array): Float64Array {
  const count = settings.hiddenSizes.length + 1;
  let values = observation;
  for (let layer = 1; layer <= count; layer++) {
    const weight = tensors[`${prefix}w${layer}`] ?? new Float64Array();
    const bias = tensors[`${prefix}b${layer}`] ?? new Float64Array();
    const width = values.length / rows;
    const right = { values: weight, rows: width, columns: bias.length, transposed: true };
    const sums = product({ values, rows, columns: width }, right);
    values = sums.map((value, at) => {
      const sum = value + (bias[at % bias.length] ?? 0);
      return layer === count ? sum : Math.tanh(sum);
    });
  }
  return values;
}

interface Minibatch {
  readonly observation: Float64Array;
  readonly action: ArrayLike<number>;
  readonly legal: ArrayLike<number>;
  readonly old: ArrayLike<number>;
  readonly advantage: ArrayLike<number>;
  readonly returns: ArrayLike<number>;
}

/** Log-probability and entropy of one row. */
function evaluateRow(space: ActionSpace, tensors: Tensors, outputs: Float64Array, row: number, batch: Minibatch) {
  const width = outputs.length / rows;
  let logProbability = 0;
  let entropy = 0;
  if (space.kind === 'box') {
    const { logStd = new Float64Array() } = tensors;
    for (let at = 0; at < width; at++) {
      const log = logStd[at] ?? 0;
      const z = ((batch.action[row * width + at] ?? 0) - (outputs[row * width + at] ?? 0)) / Math.exp(log);
      logProbability -= (z * z) / 2 + log + Math.log(2 * Math.PI) / 2;
      entropy += log + Math.log(2 * Math.PI * Math.E) / 2;
    }
    return { logProbability, entropy };
  }
  const counts = choiceCounts(space);
  let first = row * width;
  counts.forEach((count, choice) => {
    const weights = Array.from({ length: count }, (_, option) =>
      batch.legal[first + option] === 0 ? 0 : Math.exp(outputs[first + option] ?? 0),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const chosen = batch.action[row * counts.length + choice] ?? 0;
    logProbability += Math.log((weights[chosen] ?? 0) / total);
    for (const weight of weights) if (weight > 0) entropy -= (weight / total) * Math.log(weight / total);
    first += count;
  });
  return { logProbability, entropy };
}

function lossOf(space: ActionSpace, tensors: Tensors, batch: Minibatch, clipRange: number): number {
  const outputs = forward(tensors, 'a', batch.observation);
  const values = forward(tensors, 'c', batch.observation);
  const mean = Array.from(batch.advantage).reduce((sum, value) => sum + value, 0) / rows;
  const squares = Array.from(batch.advantage).reduce((sum, value) => sum + (value - mean) ** 2, 0);
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const { logProbability, entropy } = evaluateRow(space, tensors, outputs, row, batch);
    const advantage = ((batch.advantage[row] ?? 0) - mean) / (Math.sqrt(squares / rows) + 1e-8);
    const ratio = Math.exp(logProbability - (batch.old[row] ?? 0));
    const clipped = Math.min(1 + clipRange, Math.max(1 - clipRange, ratio));
    const error = (values[row] ?? 0) - (batch.returns[row] ?? 0);
    loss += -Math.min(ratio * advantage, clipped * advantage) + 0.7 * 0.5 * error * error - 0.05 * entropy;
  }
  return loss / rows;
}

it.each([
  { space: { kind: 'discrete', count: 4 }, masks: false },
  { space: { kind: 'discrete', count: 4 }, masks: true },
  { space: { kind: 'multi-discrete', counts: [3, 1, 4] }, masks: false },
  { space: { kind: 'multi-discrete', counts: [3, 1, 4] }, masks: true },
  { space: { kind: 'box', size: 2, low: -1, high: 1 }, masks: false },
] as const)('of $space.kind actions, with masks: $masks', ({ space, masks }) => {
  const learner = new PpoLearner(settings, ppoContext(space, inputs, masks));
  const { trainer, state, workspace } = learner;
  const { minibatch } = trainer.update;
  trainer.initialize(RandomStream.named({ seed: 3, role: 'initial-weights' }));
  const options = workspace.batch.maskSize;
  const uniform = uniformStream(4);
  const counts = choiceCounts(space);
  const observation = Float64Array.from(uniformValues(rows * inputs, 5));
  const legal = Uint8Array.from({ length: rows * options }, () => (masks && uniform() < 0.4 ? 0 : 1));
  const drawn = Array.from({ length: rows }, (_, row) => {
    let first = row * options;
    return counts.map((count) => {
      const chosen = Math.floor(uniform() * count);
      legal[first + chosen] = 1;
      first += count;
      return chosen;
    });
  });
  const action = space.kind === 'box' ? uniformValues(rows * space.size, 6) : Int32Array.from(drawn.flat());
  const stored = Object.entries(learner.readAll(state.parameters)).map(([name, data]) => [
    name,
    Float64Array.from(data),
  ]);
  const tensors = Object.fromEntries(stored) as Tensors;
  const parts = { observation, action, legal, advantage: uniformValues(rows, 7), returns: uniformValues(rows, 8) };
  // Some ratios within the clip range, some beyond.
  const outputs = forward(tensors, 'a', observation);
  const old = Float32Array.from({ length: rows }, (_, row) => {
    const { logProbability } = evaluateRow(space, tensors, outputs, row, { ...parts, old: [] });
    return logProbability + (uniform() - 0.5);
  });
  const batch = { ...parts, old };

  learner.fill(minibatch.observation, observation);
  if (space.kind === 'box') learner.fill(minibatch.actions.action, action);
  else learner.fillWords(minibatch.actions.action, action);
  learner.fillBytes(minibatch.actions.legal, legal);
  learner.fill(minibatch.oldLogProbability, old);
  learner.fill(minibatch.advantage, batch.advantage);
  learner.fill(minibatch.returns, batch.returns);
  trainer.update.step(rows);

  const { clipRange } = learner.configuration;
  const [loss = 0, , , , , clipFraction = 0] = trainer.metrics;
  expect(differenceOf([loss], [lossOf(space, tensors, batch, clipRange)])).toBeUndefined();
  expect(clipFraction).toBeGreaterThan(0);
  expect(clipFraction).toBeLessThan(1);
  const gradients = learner.readAll(workspace.gradients);
  const differences = Object.entries(tensors).flatMap(([name, values]) => {
    const expected = numericalGradient(values, () => lossOf(space, tensors, batch, clipRange));
    const difference = differenceOf(gradients[name] ?? [], expected, { relative: 1e-5, absolute: 2e-6 });
    return difference === undefined ? [] : [`${name}${difference}`];
  });
  expect(differences).toEqual([]);
});
