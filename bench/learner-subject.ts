import type {
  ActingPolicy,
  ActingStep,
  AlgorithmContext,
  AlgorithmPlan,
  Trainer,
} from '#marlin/algorithms/algorithm.js';
import { Layout } from '#marlin/buffer/layout.js';
import type { TransitionBatch } from '#marlin/buffer/transition-batch.js';
import type { Kernels } from '#marlin/kernels/kernels.js';
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

/** A learner with batches to train on, each step on another. */
export interface LearnerSubject {
  readonly batches: readonly PlainBatch[];
  /**
   * One training step. The first step of a round (`index` 0) puts the next batch in place, as a sampler would before
   * every step: sampling is measured apart.
   */
  step(index: number): void;
  /** One action for a row of the batch. */
  act(index: number): void;
}

/** An algorithm that learns from replayed transitions and is built at once. */
interface ReplayAlgorithm<Configuration> {
  plan(configuration: Configuration, context: AlgorithmContext): AlgorithmPlan;
  createPolicy(
    configuration: Configuration,
    context: AlgorithmContext,
    kernels: Kernels,
    scratch: number,
  ): ActingPolicy;
  createTrainer(
    configuration: Configuration,
    context: AlgorithmContext,
    kernels: Kernels,
    state: number,
    scratch: number,
  ): Trainer & { readonly batch: TransitionBatch };
}

/** @param density share of observation values that are not 0; 0.05 is that of the built-in gridworlds */
export function makeLearnerSubject<Configuration extends { readonly discount: number; readonly nStep: number }>(
  algorithm: ReplayAlgorithm<Configuration>,
  configuration: Configuration,
  observationSize: number,
  density: number,
): LearnerSubject {
  const context = {
    agent: {
      id: 'agent-0',
      observation: { size: observationSize, dtype: 'f32' },
      action: { kind: 'discrete', count: actionCount },
    },
    batchSize,
    rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
  } as const;
  const plan = algorithm.plan(configuration, context);
  const inputs = observationSize * plan.frames;
  const layout = new Layout(firstFreeByte);
  const state = layout.reserve(plan.stateBytes);
  const scratch = layout.reserve(plan.trainerScratchBytes);
  const policyScratch = layout.reserve(plan.policyScratchBytes);
  const kernels = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
  const trainer = algorithm.createTrainer(configuration, context, kernels, state, scratch);
  const policy = algorithm.createPolicy(configuration, context, kernels, policyScratch);
  const random = RandomStream.named({ seed: 1, role: 'bench' });
  trainer.initialize(random);
  const drawn = Array.from({ length: batches }, () => drawBatch(inputs, density, random));
  const places = placesOf(trainer.batch, kernels.memory.buffer);
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
      isGreedy: false,
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

function placesOf(batch: TransitionBatch, buffer: SharedArrayBuffer) {
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
