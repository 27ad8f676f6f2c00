import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import type { IqnDraws } from '../../bench/tensorflow-iqn.js';
import { makeTensorFlowIqn } from '../../bench/tensorflow-iqn.js';
import { startTensorFlow } from '../../bench/tensorflow.js';
import { differenceOf } from '../kernels/difference.js';
import { uniformStream, uniformValues } from '../kernels/reference.js';
import { IqnLearner, ScriptedSource } from './iqn-learner.js';

// What the benchmark of IQN measures against does compute the same training step.

const learningRate = 2.5e-4;
const sizes = { inputs: 30, width: 20, quantiles: 5, cosines: 8 };
const { inputs, width, quantiles, cosines } = sizes;
const rows = 6;
const actions = 4;
/** In the order in which the rival keeps them; it has matrices as [in, out]. */
const names = ['w1', 'b1', 'wc', 'bc', 'wf', 'bf', 'wa', 'ba', 'wv', 'bv', 'swf', 'sbf', 'swa', 'sba', 'swv', 'sbv'];

function drawBatch() {
  const uniform = uniformStream(1);
  const isSet = () => (uniform() < 0.2 ? 1 : 0);
  return {
    observation: Float32Array.from({ length: rows * inputs }, isSet),
    nextObservation: Float32Array.from({ length: rows * inputs }, isSet),
    action: Int32Array.from({ length: rows }, () => Math.floor(uniform() * actions)),
    nStepReturn: Float32Array.from({ length: rows }, () => 3 * uniform()),
  };
}

/** The numbers of one pass. */
function drawPass(pass: number) {
  const normal = (count: number, layer: number) => uniformValues(count, 10 * pass + layer);
  return {
    tau: uniformValues(rows * quantiles, 10 * pass).map(Math.abs),
    hidden: { outputs: normal(width, 1), inputs: normal(width, 2) },
    advantage: { outputs: normal(actions, 3), inputs: normal(width, 4) },
    value: { outputs: normal(1, 5), inputs: normal(width, 6) },
  };
}

function ourLearner(passes: readonly ReturnType<typeof drawPass>[]): IqnLearner {
  return new IqnLearner(
    {
      hiddenSizes: [width, width],
      quantiles,
      cosines,
      noise: { kind: 'factorised' },
      frameStack: 1,
      discount: 0.99,
      learningRate,
      // That of TensorFlow.js.
      adam: { epsilon: 1e-7 },
      targetUpdate: { kind: 'soft', tau: 0.001 },
    },
    {
      agent: {
        id: 'agent-0',
        observation: { size: inputs, dtype: 'f32' },
        action: { kind: 'discrete', count: actions },
      },
      batchSize: rows,
      rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
    },
    ({ memory }) =>
      new ScriptedSource(
        memory,
        passes.map(({ tau }) => tau),
        passes.flatMap(({ hidden, advantage, value }) => [
          [...hidden.outputs, ...hidden.inputs],
          [...advantage.outputs, ...value.outputs, ...advantage.inputs, ...value.inputs],
        ]),
      ),
  );
}

function scriptedDraws(passes: readonly ReturnType<typeof drawPass>[]): IqnDraws {
  const taus = passes.map(({ tau }) => tau);
  const normals = passes.flatMap(({ hidden, advantage, value }) =>
    [hidden, advantage, value].flatMap((layer) => [layer.outputs, layer.inputs]),
  );
  return {
    uniform: (shape) => tf.tensor(taus.shift() ?? [], shape),
    normal: (shape) => tf.tensor(normals.shift() ?? [], shape),
  };
}

/** Tensors as [out, in], flat. */
function tensorsOf(network: readonly tf.Tensor[]) {
  return Object.fromEntries(
    names.map((name, index) => {
      const data = [...tf.tidy(() => tf.transpose(network[index] as tf.Tensor).dataSync())];
      return [name, { shape: [data.length], data }];
    }),
  );
}

await startTensorFlow();

it.each(['step', 'stepByHand'] as const)('a %s in TensorFlow.js is our training step', (kind) => {
  const batch = drawBatch();
  const passes = [1, 2, 3].map(drawPass);
  const learner = ourLearner(passes);
  const { state, trainer } = learner;
  const rival = makeTensorFlowIqn(sizes, [batch], scriptedDraws(passes));
  learner.write(state.parameters, tensorsOf(rival.online));
  learner.write(state.target, tensorsOf(rival.target));
  new Float64Array(learner.memory.buffer, state.adam.powers, 2).fill(1);
  learner.fill(trainer.batch.observation, batch.observation);
  learner.fill(trainer.batch.nextObservation, batch.nextObservation);
  learner.fillWords(learner.trainer.batch.action, batch.action);
  learner.fill(trainer.batch.nStepReturn, batch.nStepReturn);
  learner.fill(trainer.batch.bootstrapDiscount, new Float32Array(rows).fill(0.99 ** 3));
  learner.fill(trainer.batch.weight, new Float32Array(rows).fill(1));

  trainer.step();
  const loss = rival[kind](0);

  expect(differenceOf([trainer.metrics[0] ?? Number.NaN], [loss])).toBeUndefined();
  const tolerance = { relative: 0, absolute: 0.02 * learningRate };
  const differences = (offset: number, network: readonly tf.Tensor[]) =>
    Object.entries(tensorsOf(network)).flatMap(([name, { data }]) => {
      const difference = differenceOf(learner.read(offset, name), data, tolerance);
      return difference === undefined ? [] : [`${name}${difference}`];
    });
  expect(differences(state.parameters, rival.online)).toEqual([]);
  expect(differences(state.target, rival.target)).toEqual([]);
});
