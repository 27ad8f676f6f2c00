import { expect, it } from 'vitest';
import type { NoiseSource } from '#marlin/network/noise-source.js';
import { readTensor } from '#marlin/network/parameter-layout.js';
import { RandomStream } from '#marlin/random.js';
import { differenceOf } from '../kernels/difference.js';
import { numericalGradient, product, uniformStream, uniformValues } from '../kernels/reference.js';
import { IqnLearner } from './iqn-learner.js';

// The whole loss in f64, as a function of the parameters, against the gradients of a training step.

const [observationSize, width, hiddenWidth, quantiles, cosines, actions, batchSize] = [9, 11, 6, 5, 7, 3, 4];
const rows = batchSize * quantiles;
type Parameters = Readonly<Record<string, Float64Array>>;

/** x[rows, inputs] · Wᵀ + b */
function linear(x: Float64Array, w: Float64Array, b: Float64Array): Float64Array {
  const outputs = b.length;
  const inputs = w.length / outputs;
  const left = { values: x, rows: x.length / inputs, columns: inputs };
  const sums = product(left, { values: w, rows: inputs, columns: outputs, transposed: true });
  return sums.map((value, index) => value + (b[index % outputs] ?? 0));
}

const relu = (values: Float64Array) => values.map((value) => Math.max(0, value));
const root = (x: number) => Math.sign(x) * Math.sqrt(Math.abs(x));
const factor = (values: Float32Array, index: number) => root(values[index] ?? 0);
const none = new Float64Array();

/** ε by tensor: of `wf`, `bf`, … */
type Epsilon = Readonly<Record<string, (index: number) => number>>;

/** ε of a pass from the numbers that the two noisy layers draw, the hidden one being stored by inputs. */
function epsilonOf(kind: string, hidden: Float32Array, head: Float32Array): Epsilon {
  const streams = [
    { name: 'a', first: 0, outputs: actions, stream: 0 },
    { name: 'v', first: actions, outputs: 1, stream: 1 },
  ];
  if (kind === 'independent') {
    const weights = hiddenWidth * (actions + 1);
    return {
      wf: (index) => hidden[(index % width) * hiddenWidth + Math.floor(index / width)] ?? 0,
      bf: (index) => hidden[width * hiddenWidth + index] ?? 0,
      wa: (index) => head[index] ?? 0,
      wv: (index) => head[actions * hiddenWidth + index] ?? 0,
      ba: (index) => head[weights + index] ?? 0,
      bv: () => head[weights + actions] ?? 0,
    };
  }
  const ofHidden = {
    wf: (index: number) => factor(hidden, Math.floor(index / width)) * factor(hidden, hiddenWidth + (index % width)),
    bf: (index: number) => factor(hidden, index),
  };
  const ofHead = streams.flatMap(({ name, first, stream }) => [
    [
      `w${name}`,
      (index: number) => {
        const input = actions + 1 + stream * hiddenWidth + (index % hiddenWidth);
        return factor(head, first + Math.floor(index / hiddenWidth)) * factor(head, input);
      },
    ],
    [`b${name}`, (index: number) => factor(head, first + index)],
  ]);
  return { ...ofHidden, ...(Object.fromEntries(ofHead) as Epsilon) };
}

/** Quantile values [rows, actions]. */
function valuesOf(
  parameters: Parameters,
  epsilon: Epsilon,
  observation: Float64Array,
  tau: Float32Array,
): Float64Array {
  const at = (name: string) => parameters[name] ?? none;
  const noisy = (name: string) =>
    at(name).map((mean, index) => mean + (at(`s${name}`)[index] ?? 0) * (epsilon[name]?.(index) ?? 0));
  const h = relu(linear(observation, at('w1'), at('b1')));
  const features = Float64Array.from({ length: rows * cosines }, (_, index) =>
    Math.cos(Math.PI * ((index % cosines) + 1) * (tau[Math.floor(index / cosines)] ?? 0)),
  );
  const phi = relu(linear(features, at('wc'), at('bc')));
  const x = phi.map(
    (value, index) => value * (h[Math.floor(index / (quantiles * width)) * width + (index % width)] ?? 0),
  );
  const z = relu(linear(x, noisy('wf'), noisy('bf')));
  const advantage = linear(z, noisy('wa'), noisy('ba'));
  const value = linear(z, noisy('wv'), noisy('bv'));
  return advantage.map((own, index) => {
    const row = Math.floor(index / actions);
    const all = advantage.subarray(row * actions, (row + 1) * actions);
    return (value[row] ?? 0) + own - all.reduce((sum, one) => sum + one, 0) / actions;
  });
}

it.each(['none', 'factorised', 'independent'] as const)('are those of the loss, with noise: %s', (kind) => {
  const uniforms: Float32Array[] = [];
  const gaussians: Float32Array[] = [];
  const learner = new IqnLearner(
    { hiddenSizes: [width, hiddenWidth], quantiles, cosines, frameStack: 1, noise: { kind } },
    {
      agent: {
        id: 'agent-0',
        observation: { size: observationSize, dtype: 'f32' },
        action: { kind: 'discrete', count: actions },
      },
      batchSize,
      rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
    },
    ({ memory }): NoiseSource => {
      const note = (list: Float32Array[], values: Float32Array, offset: number) => {
        list.push(values);
        new Float32Array(memory.buffer, offset, values.length).set(values);
      };
      const uniform = uniformStream(4);
      return {
        uniform: (offset, count) => note(uniforms, Float32Array.from({ length: count }, uniform), offset),
        gaussian: (offset, count) => note(gaussians, uniformValues(count, 50 + gaussians.length), offset),
      };
    },
  );
  const { trainer, state, workspace, network } = learner;
  const { batch } = trainer;
  trainer.initialize(RandomStream.named({ seed: 2, role: 'initial-weights' }));
  // σ of some size, and a target network of its own.
  const block = learner.block(state.parameters);
  block.forEach((value, index) => {
    block[index] = value + 0.2 * (uniformValues(1, index)[0] ?? 0);
  });
  learner.block(state.target).set(block.map((value, index) => value + 0.1 * (uniformValues(1, index + 7)[0] ?? 0)));
  const [observation, nextObservation] = [1, 2].map((seed) => uniformValues(batchSize * observationSize, seed));
  const action = [0, 2, 1, 2];
  const nStepReturn = uniformValues(batchSize, 3);
  const discount = [0.9, 0, 0.8, 0.9];
  const weight = [1, 0.5, 0.25, 2];
  learner.fill(batch.observation, observation ?? []);
  learner.fill(batch.nextObservation, nextObservation ?? []);
  learner.fillWords(learner.trainer.batch.action, action);
  learner.fill(batch.nStepReturn, nStepReturn);
  learner.fill(batch.bootstrapDiscount, discount);
  learner.fill(batch.weight, weight);
  const read = (offset: number): Parameters =>
    Object.fromEntries(
      network.parameters.map((tensor) => [tensor.name, Float64Array.from(readTensor(learner.block(offset), tensor))]),
    );
  const [online, target] = [read(state.parameters), read(state.target)];
  trainer.step();

  const passes = [0, 1, 2].map((pass) =>
    kind === 'none'
      ? {}
      : epsilonOf(kind, gaussians[2 * pass] ?? new Float32Array(), gaussians[2 * pass + 1] ?? new Float32Array()),
  );
  const [choosing = {}, valuing = {}, trained = {}] = passes;
  const [choosingTau, valuingTau, tau] = uniforms as [Float32Array, Float32Array, Float32Array];
  const next = Float64Array.from(nextObservation ?? []);
  const nextMeans = valuesOf(online, choosing, next, choosingTau);
  const nextValues = valuesOf(target, valuing, next, valuingTau);
  /** Mean over the quantiles of row `row` and action `of`. */
  const meanOf = (all: Float64Array, row: number, of: number) =>
    Array.from({ length: quantiles }, (_, quantile) => all[(row * quantiles + quantile) * actions + of] ?? 0).reduce(
      (sum, one) => sum + one / quantiles,
      0,
    );
  const best = action.map((_, row) => {
    const means = Array.from({ length: actions }, (__, candidate) => meanOf(nextMeans, row, candidate));
    return means.indexOf(Math.max(...means));
  });
  const loss = () => {
    const values = valuesOf(online, trained, Float64Array.from(observation ?? []), tau);
    let sum = 0;
    for (let index = 0; index < rows * quantiles; index++) {
      const row = Math.floor(index / quantiles / quantiles);
      const quantile = Math.floor(index / quantiles);
      const goal = nextValues[(row * quantiles + (index % quantiles)) * actions + (best[row] ?? 0)] ?? 0;
      const delta =
        (nStepReturn[row] ?? 0) + (discount[row] ?? 0) * goal - (values[quantile * actions + (action[row] ?? 0)] ?? 0);
      const huber = Math.abs(delta) <= 1 ? (delta * delta) / 2 : Math.abs(delta) - 0.5;
      sum += (weight[row] ?? 0) * Math.abs((tau[quantile] ?? 0) - (delta < 0 ? 1 : 0)) * huber;
    }
    return sum / (rows * quantiles);
  };
  expect(differenceOf([trainer.metrics[0] ?? Number.NaN], [loss()])).toBeUndefined();
  // What priorities go by.
  const values = valuesOf(online, trained, Float64Array.from(observation ?? []), tau);
  const tdErrors = action.map(
    (taken, row) =>
      (nStepReturn[row] ?? 0) +
      (discount[row] ?? 0) * meanOf(nextValues, row, best[row] ?? 0) -
      meanOf(values, row, taken),
  );
  expect(differenceOf(learner.memory.floats(batch.priority, batchSize), tdErrors)).toBeUndefined();
  const differences = network.parameters.flatMap(({ name }) => {
    const expected = numericalGradient(online[name] ?? none, loss);
    const difference = differenceOf(learner.read(workspace.gradients, name), expected);
    return difference === undefined ? [] : [`${name}${difference}`];
  });
  expect(differences).toEqual([]);
});
