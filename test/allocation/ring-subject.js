// Rings with an action mask, a field of the algorithm's own, and observations that are scaled.
import { Layout } from '#marlin/buffer/layout.js';
import { PrioritizedDraw } from '#marlin/buffer/prioritized-draw.js';
import { initializePriorityState, planPriorityLists, planPriorityState } from '#marlin/buffer/priority-plan.js';
import { initializeRings, planRing } from '#marlin/buffer/ring-plan.js';
import { RingSampler } from '#marlin/buffer/ring-sampler.js';
import { RingWindows } from '#marlin/buffer/ring-windows.js';
import { RingWriter } from '#marlin/buffer/ring-writer.js';
import { planTransitionBatch } from '#marlin/buffer/transition-batch.js';
import { planReaderLists } from '#marlin/buffer/transition-reader.js';
import { UniformDraw } from '#marlin/buffer/uniform-draw.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import { RandomStream } from '#marlin/random.js';
import { printBytesPerCall } from './measure.js';

const [batchSize, frames, observationSize, actionCount] = [16, 3, 20, 4];
const layout = new Layout(firstFreeByte);
const plan = planRing(layout, {
  capacity: 1000,
  observationSize,
  observationDtype: 'u8',
  actionSize: 1,
  maskSize: actionCount,
  hasActionMask: true,
  fields: [{ name: 'logProbability', dtype: 'f32', size: 1 }],
  rings: 2,
});
const batch = planTransitionBatch(layout, batchSize, frames * observationSize, 1, actionCount, true);
const lists = planReaderLists(layout, batchSize, frames);
const state = planPriorityState(layout, plan.rings, plan.capacity);
const priorityLists = planPriorityLists(layout, plan.rings, plan.capacity, batchSize);
const transition = {
  observation: layout.reserve(observationSize),
  action: Int32Array.of(3),
  reward: 0.5,
  terminated: false,
  truncated: false,
  cut: false,
  finalObservation: layout.reserve(observationSize),
  legal: layout.reserve(actionCount),
  finalLegal: layout.reserve(actionCount),
  fields: [[-0.25]],
};
const kernels = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
const { buffer } = kernels.memory;
initializeRings(buffer, plan);
const writers = [0, 1].map((ring) => new RingWriter(buffer, plan, ring, kernels));
const rule = { frames, steps: 3, discount: 0.99, observationScale: 1 / 255 };
const random = RandomStream.named({ seed: 1, role: 'test' });
const windows = () => new RingWindows(buffer, plan, frames);
const uniform = new UniformDraw(plan, batchSize, windows(), random);
const sampler = new RingSampler(buffer, plan, batch, rule, lists, kernels, uniform);
initializePriorityState(buffer, plan, state);
const prioritized = new PrioritizedDraw({
  buffer,
  plan,
  batch,
  steps: rule.steps,
  state,
  kernels,
  windows: windows(),
  random,
  settings: { exponent: 0.6, correction: { start: 0.4, end: 1, duration: 1e6 }, floor: 0.01 },
  lists: priorityLists,
});
const byPriority = new RingSampler(buffer, plan, batch, rule, lists, kernels, prioritized);
let steps = 0;

function append() {
  steps++;
  transition.truncated = steps % 50 === 0;
  writers[steps % 2].append(transition);
}

for (let step = 0; step < 3000; step++) append();

printBytesPerCall({
  append,
  sample: () => {
    sampler.sample();
  },
  prioritize: () => {
    for (let step = 0; step < 4; step++) append();
    byPriority.sample();
    byPriority.learned();
  },
});
