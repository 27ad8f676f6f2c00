import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { ActingStep, Algorithm, AlgorithmContext, Trainer } from '#marlin/algorithms/algorithm.js';
import { dqn } from '#marlin/algorithms/dqn.js';
import { normalized } from '#marlin/algorithms/normalized.js';
import type { Normalization } from '#marlin/algorithms/normalized.js';
import { ppo } from '#marlin/algorithms/ppo.js';
import type { RolloutBatch } from '#marlin/buffer/rollout-batch.js';
import type { TransitionBatch } from '#marlin/buffer/transition-batch.js';
import { readTensor } from '#marlin/network/parameter-layout.js';
import { RandomStream } from '#marlin/random.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { uniformValues } from '../kernels/reference.js';

const observationSize = 3;
const frames = 2;
const inputSize = frames * observationSize;
const batchSize = 8;

const context: AlgorithmContext = {
  agent: {
    id: 'agent-0',
    observation: { size: observationSize, dtype: 'f32' },
    action: { kind: 'discrete', count: 3 },
  },
  batchSize,
  rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
};

const dqnConfiguration = v.parse(dqn.schema, { hiddenSizes: [8], frameStack: frames, nStep: 1 });
const ppoConfiguration = v.parse(ppo.schema, {
  hiddenSizes: [8],
  frameStack: frames,
  rolloutTurns: 6,
  minibatchSize: 3,
  passes: 2,
});

/** A learner's memory, its trainer and its plan. */
async function learnerOf<Configuration>(algorithm: Algorithm<Configuration>, configuration: Configuration) {
  const memory = new KernelMemory();
  const plan = await algorithm.plan(configuration, context);
  const aligned = (bytes: number): number => Math.ceil(memory.room(bytes + 128) / 128) * 128;
  const state = aligned(plan.stateBytes);
  const scratch = aligned(plan.trainerScratchBytes);
  const policyScratch = aligned(plan.policyScratchBytes);
  const trainer = await algorithm.createTrainer(configuration, context, memory.kernels, state, scratch);
  const policy = await algorithm.createPolicy(configuration, context, memory.kernels, policyScratch);
  trainer.initialize(RandomStream.named({ seed: 1, role: 'initial-weights' }));
  const tensor = (name: string): Float32Array => {
    const found = plan.parameters.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`There is no tensor ${name}.`);
    return readTensor(new Float32Array(memory.buffer, state, plan.parameterCount), found);
  };
  return { memory, plan, state, trainer, policy, tensor };
}

type Learner = Awaited<ReturnType<typeof learnerOf>>;

function batchOf<Kind extends 'replay' | 'rollout'>(trainer: Trainer, kind: Kind) {
  const { batch } = trainer;
  if (batch?.kind !== kind) throw new Error(`The trainer has no batch for ${kind}.`);
  return batch as Kind extends 'replay' ? TransitionBatch : RolloutBatch;
}

function floats({ memory }: Learner, offset: number, count: number): Float32Array {
  return new Float32Array(memory.buffer, offset, count);
}

/** A batch of random numbers about 40, in its raw form. */
interface RawBatch {
  readonly observation: Float32Array;
  readonly nextObservation: Float32Array;
  readonly returns: Float32Array;
}

function rawBatch(seed: number): RawBatch {
  const about40 = (count: number, offset: number): Float32Array =>
    uniformValues(count, seed * 10 + offset).map((value) => 40 + value);
  return {
    observation: about40(batchSize * inputSize, 1),
    nextObservation: about40(batchSize * inputSize, 2),
    returns: about40(batchSize, 3),
  };
}

function fillTransitions(learner: Learner, raw: RawBatch, returnDeviation: number): void {
  const batch = batchOf(learner.trainer, 'replay');
  floats(learner, batch.observation, raw.observation.length).set(raw.observation);
  floats(learner, batch.nextObservation, raw.nextObservation.length).set(raw.nextObservation);
  floats(learner, batch.nStepReturn, batchSize).set(raw.returns);
  floats(learner, batch.bootstrapDiscount, batchSize).fill(0.9);
  floats(learner, batch.weight, batchSize).fill(1);
  const action = new Int32Array(learner.memory.buffer, batch.action, batchSize);
  action.forEach((_, index) => {
    action[index] = index % 3;
  });
  new Float64Array(learner.memory.buffer, batch.returnDeviation, 1)[0] = returnDeviation;
}

/** Mean and deviation of the newest frames of everything seen, in double precision. */
function momentsOf(batches: readonly RawBatch[]): { mean: number[]; deviation: number[] } {
  const rows = batches.flatMap(({ observation }) =>
    Array.from({ length: batchSize }, (_, row) => [
      ...observation.subarray(row * inputSize + observationSize, (row + 1) * inputSize),
    ]),
  );
  const columns = Array.from({ length: observationSize }, (_, column) => rows.map((row) => row[column] ?? Number.NaN));
  const mean = columns.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  const deviation = columns.map((values, column) =>
    Math.sqrt(values.reduce((sum, value) => sum + (value - (mean[column] ?? 0)) ** 2, 0) / values.length),
  );
  return { mean, deviation };
}

/** The same values as the kernel makes of them: single precision, each operation rounded. */
function normalizedBy(values: Float32Array, mean: Float32Array, inverse: Float32Array): Float32Array {
  return values.map((value, index) => {
    const column = index % observationSize;
    return Math.max(-10, Math.min(10, Math.fround(Math.fround(value - mean[column]) * inverse[column])));
  });
}

const both: Normalization = { observations: true, rewards: true };

describe('a learner of transitions that sees them normalised', () => {
  it('trains as the plain one does on what was normalised for it, by the statistics of the steps before', async () => {
    const wrapped = await learnerOf(normalized(dqn as Algorithm<typeof dqnConfiguration>, both), dqnConfiguration);
    const plain = await learnerOf(dqn as Algorithm<typeof dqnConfiguration>, dqnConfiguration);
    const seen: RawBatch[] = [];
    for (let step = 0; step < 5; step++) {
      const raw = rawBatch(step);
      const returnDeviation = 4 + step;
      const mean = wrapped.tensor('observation.mean');
      const inverse = wrapped.tensor('observation.inverse_deviation');
      fillTransitions(wrapped, raw, returnDeviation);
      wrapped.trainer.step();
      fillTransitions(
        plain,
        {
          observation: normalizedBy(raw.observation, mean, inverse),
          nextObservation: normalizedBy(raw.nextObservation, mean, inverse),
          returns: raw.returns.map((value) => Math.fround(value * Math.fround(1 / returnDeviation))),
        },
        1,
      );
      plain.trainer.step();
      for (const { name } of plain.plan.parameters) expect(wrapped.tensor(name)).toEqual(plain.tensor(name));
      expect([...wrapped.trainer.metrics]).toEqual([...plain.trainer.metrics, returnDeviation]);
      seen.push(raw);
      const expected = momentsOf(seen);
      wrapped.tensor('observation.mean').forEach((value, column) => {
        expect(value).toBeCloseTo(expected.mean[column] ?? Number.NaN, 4);
      });
      wrapped.tensor('observation.inverse_deviation').forEach((value, column) => {
        expect(value).toBeCloseTo(1 / (expected.deviation[column] ?? Number.NaN), 4);
      });
    }
    expect(wrapped.plan.metricNames).toEqual([...plain.plan.metricNames, 'return_deviation']);
  });

  it('changes only what it is asked to', async () => {
    const onlyRewards = { observations: false, rewards: true };
    const wrapped = await learnerOf(
      normalized(dqn as Algorithm<typeof dqnConfiguration>, onlyRewards),
      dqnConfiguration,
    );
    expect(wrapped.plan.parameterCount).toBe(dqn.plan(dqnConfiguration, context).parameterCount);
    fillTransitions(wrapped, rawBatch(1), 2);
    wrapped.trainer.step();
    const batch = batchOf(wrapped.trainer, 'replay');
    expect(floats(wrapped, batch.observation, batchSize * inputSize)).toEqual(rawBatch(1).observation);
    expect(floats(wrapped, batch.nStepReturn, batchSize)).toEqual(rawBatch(1).returns.map((value) => value / 2));

    const onlyObservations = { observations: true, rewards: false };
    const other = await learnerOf(
      normalized(dqn as Algorithm<typeof dqnConfiguration>, onlyObservations),
      dqnConfiguration,
    );
    fillTransitions(other, rawBatch(1), 2);
    other.trainer.step();
    expect(floats(other, batchOf(other.trainer, 'replay').nStepReturn, batchSize)).toEqual(rawBatch(1).returns);
    expect(other.plan.experience).not.toHaveProperty('tracksReturns');
  });

  it('has its statistics in the block that is published, in front of its weights', async () => {
    const wrapped = await learnerOf(normalized(dqn as Algorithm<typeof dqnConfiguration>, both), dqnConfiguration);
    const { parameters, parameterCount } = wrapped.plan;
    expect(parameters.map(({ name }) => name)).toEqual([
      'observation.mean',
      'observation.inverse_deviation',
      ...dqn.plan(dqnConfiguration, context).parameters.map(({ name }) => name),
    ]);
    const ends = parameters.map(({ offset, size }) => offset + size);
    expect(Math.max(...ends)).toBe(parameterCount);
    parameters.slice(1).forEach(({ offset }, index) => expect(offset).toBeGreaterThanOrEqual(ends[index] ?? 0));
  });
});

/** Fills a rollout whose fourth step was cut. */
function fillRollout(learner: Learner, seed: number, version: number): void {
  const batch = batchOf(learner.trainer, 'rollout');
  const values = rawBatch(seed);
  floats(learner, batch.observation, batch.size * inputSize).set(
    values.observation.subarray(0, batch.size * inputSize),
  );
  floats(learner, batch.cutObservation, batch.size * inputSize).fill(40);
  floats(learner, batch.reward, batch.size).set(values.returns.subarray(0, batch.size));
  floats(learner, batch.fields[0], batch.size).fill(Math.log(1 / 3));
  new Int32Array(learner.memory.buffer, batch.fields[1], batch.size).fill(version);
  const ends = new Uint8Array(learner.memory.buffer, batch.end, batch.size);
  const cutRow = new Int32Array(learner.memory.buffer, batch.cutRow, batch.size).fill(-1);
  ends.fill(0);
  ends[3] = 2;
  ends[5] = 2;
  cutRow[3] = 0;
  cutRow[5] = 1;
  new Int32Array(learner.memory.buffer, batch.cutCount, 1)[0] = 2;
  new Float64Array(learner.memory.buffer, batch.returnDeviation, 1)[0] = 8;
}

describe('a learner of rollouts that sees them normalised', () => {
  it('normalises each once, and changes the statistics behind its last training step', async () => {
    const learner = await learnerOf(normalized(ppo as Algorithm<typeof ppoConfiguration>, both), ppoConfiguration);
    const batch = batchOf(learner.trainer, 'rollout');
    const observed = (): Float32Array => floats(learner, batch.observation, batch.size * inputSize).slice();
    const steps = 4;
    let mean = learner.tensor('observation.mean');
    let inverse = learner.tensor('observation.inverse_deviation');
    expect([...mean, ...inverse]).toEqual([0, 0, 0, 1, 1, 1]);
    for (let rollout = 0; rollout < 3; rollout++) {
      fillRollout(learner, rollout, rollout);
      const expected = normalizedBy(observed(), mean, inverse);
      for (let step = 0; step < steps; step++) {
        expect(learner.tensor('observation.mean')).toEqual(mean);
        learner.trainer.step();
        expect(observed()).toEqual(expected);
      }
      const cut = normalizedBy(new Float32Array(inputSize).fill(40), mean, inverse);
      expect(floats(learner, batch.cutObservation, 2 * inputSize)).toEqual(Float32Array.of(...cut, ...cut));
      // Rows behind those that are filled stay as they are.
      expect(floats(learner, batch.cutObservation + 2 * inputSize * 4, 1)[0]).toBe(40);
      expect(floats(learner, batch.reward, 6)).toEqual(
        rawBatch(rollout)
          .returns.subarray(0, 6)
          .map((x) => x / 8),
      );
      expect(learner.tensor('observation.mean')).not.toEqual(mean);
      mean = learner.tensor('observation.mean');
      inverse = learner.tensor('observation.inverse_deviation');
    }
  });
});

describe('a policy that sees its observations normalised', () => {
  it('acts by the statistics in the block it is given, and leaves what others see', async () => {
    const learner = await learnerOf(normalized(dqn as Algorithm<typeof dqnConfiguration>, both), dqnConfiguration);
    const plain = await learnerOf(dqn as Algorithm<typeof dqnConfiguration>, dqnConfiguration);
    for (let step = 0; step < 4; step++) {
      fillTransitions(learner, rawBatch(step), 3);
      learner.trainer.step();
    }
    const mean = learner.tensor('observation.mean');
    const inverse = learner.tensor('observation.inverse_deviation');
    const own = learner.state + (learner.plan.parameterCount - plain.plan.parameterCount) * 4;
    floats(plain, plain.state, plain.plan.parameterCount).set(floats(learner, own, plain.plan.parameterCount));
    const actions = new Set<number>();
    for (let trial = 0; trial < 40; trial++) {
      const raw = rawBatch(trial + 10).observation.slice(0, inputSize);
      const wrapped = actOn(learner, raw);
      const expected = actOn(plain, normalizedBy(raw, mean, inverse));
      expect(wrapped.action).toBe(expected.action);
      expect(wrapped.step).toMatchObject({ parameters: learner.state, observation: wrapped.observation });
      expect(floats(learner, wrapped.observation, inputSize)).toEqual(raw);
      actions.add(wrapped.action);
    }
    expect(actions.size).toBeGreaterThan(1);
  });
});

function actOn({ memory, state, policy }: Learner, input: Float32Array) {
  const observation = memory.f32(input);
  const actionOffset = memory.i32([-1]);
  const action = new Int32Array(memory.buffer, actionOffset, 1);
  const step: ActingStep = {
    parameters: state,
    weightsVersion: 0,
    observation,
    legal: undefined,
    actionOffset,
    action,
    actionValues: new Float32Array(memory.buffer, actionOffset, 1),
    fields: [],
    isGreedy: false,
    random: RandomStream.named({ seed: 1, role: 'test' }),
  };
  expect(policy.act(step)).toBe(true);
  return { action: action[0], step, observation };
}
