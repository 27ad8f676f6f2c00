import * as v from 'valibot';
import type { ActingStep } from '#marlin/algorithms/algorithm.js';
import type { DqnTrainer } from '#marlin/algorithms/dqn.js';
import { dqn } from '#marlin/algorithms/dqn.js';
import { Layout } from '#marlin/buffer/layout.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import { RandomStream } from '#marlin/random.js';

const batchSize = 64;
export const actionCount = 4;
const batches = 16;

/** A batch as plain arrays, for whoever trains on it. */
export interface PlainBatch {
  readonly observation: Float32Array;
  readonly nextObservation: Float32Array;
  readonly action: Int32Array;
  readonly nStepReturn: Float32Array;
}

/** A DQN of the default sizes with batches to train on, each step on another. */
export interface DqnSubject {
  readonly batches: readonly PlainBatch[];
  /**
   * One training step. The first step of a round (`index` 0) puts the next batch in place, as a sampler would before
   * every step: sampling is measured apart.
   */
  step(index: number): void;
  /** One action for a row of the batch. */
  act(index: number): void;
}

/** @param density share of observation values that are not 0; 0.05 is that of the built-in gridworlds */
export function makeDqnSubject(observationSize: number, frameStack: number, density: number): DqnSubject {
  const configuration = v.parse(dqn.schema, { frameStack });
  const context = {
    agent: {
      id: 'agent-0',
      observation: { size: observationSize, dtype: 'f32' },
      action: { kind: 'discrete', count: actionCount },
    },
    batchSize,
    rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
  } as const;
  const plan = dqn.plan(configuration, context);
  const inputs = observationSize * frameStack;
  const layout = new Layout(firstFreeByte);
  const state = layout.reserve(plan.stateBytes);
  const scratch = layout.reserve(plan.trainerScratchBytes);
  const policyScratch = layout.reserve(plan.policyScratchBytes);
  const kernels = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
  const trainer = dqn.createTrainer(configuration, context, kernels, state, scratch);
  const policy = dqn.createPolicy(configuration, context, kernels, policyScratch);
  const random = RandomStream.named({ seed: 1, role: 'bench' });
  trainer.initialize(random);
  const drawn = Array.from({ length: batches }, () => drawBatch(inputs, density, random));
  const places = placesOf(trainer, kernels.memory.buffer);
  places.weight.fill(1);
  places.bootstrapDiscount.fill(configuration.discount ** configuration.nStep);
  const { buffer } = kernels.memory;
  const steps = Array.from({ length: batchSize }, (_, row): ActingStep => {
    const actionOffset = trainer.batch.action + row * 4;
    return {
      parameters: state,
      weightsVersion: 0,
      observation: trainer.batch.observation + row * inputs * 4,
      legal: undefined,
      actionOffset,
      action: new Int32Array(buffer, actionOffset, 1),
      actionValues: new Float32Array(buffer, actionOffset, 1),
      fields: [],
      isGreedy: true,
      random,
    };
  });
  let round = 0;
  return {
    batches: drawn,
    step: (index) => {
      if (index === 0) place(drawn[round++ % batches], places);
      trainer.step();
    },
    act: (index) => {
      policy.act(steps[index % batchSize]);
    },
  };
}

function drawBatch(inputs: number, density: number, random: RandomStream): PlainBatch {
  const observation = () =>
    Float32Array.from({ length: batchSize * inputs }, () => (random.uniform() < density ? 1 : 0));
  return {
    observation: observation(),
    nextObservation: observation(),
    action: Int32Array.from({ length: batchSize }, () => random.integer(actionCount)),
    nStepReturn: Float32Array.from({ length: batchSize }, () => random.uniform()),
  };
}

function place(batch: PlainBatch, places: ReturnType<typeof placesOf>): void {
  places.observation.set(batch.observation);
  places.nextObservation.set(batch.nextObservation);
  places.action.set(batch.action);
  places.nStepReturn.set(batch.nStepReturn);
}

function placesOf({ batch }: DqnTrainer, buffer: SharedArrayBuffer) {
  const values = batch.size * batch.observationSize;
  return {
    observation: new Float32Array(buffer, batch.observation, values),
    nextObservation: new Float32Array(buffer, batch.nextObservation, values),
    action: new Int32Array(buffer, batch.action, batch.size),
    nStepReturn: new Float32Array(buffer, batch.nStepReturn, batch.size),
    weight: new Float32Array(buffer, batch.weight, batch.size),
    bootstrapDiscount: new Float32Array(buffer, batch.bootstrapDiscount, batch.size),
  };
}
