// Run by dqn-allocation.test.ts with --expose-gc: prints the bytes that one warm call leaves on the heap.
//
// usage: allocation.js <step | act | litter>
import { dqn } from '#marlin/algorithms/dqn.js';
import { Layout } from '#marlin/buffer/layout.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import { RandomStream } from '#marlin/random.js';

const warmCalls = 20_000;
const measuredCalls = 5_000;

/** @type {import('#marlin/algorithms/algorithm.js').AlgorithmContext} */
const context = {
  agent: {
    id: 'agent-0',
    observation: { size: 20, dtype: 'f32' },
    action: { kind: 'discrete', count: 4 },
    hasActionMask: true,
  },
  batchSize: 8,
};
const configuration = dqn.schema.parse({ frameStack: 1, hiddenSizes: [8, 8] });
const plan = dqn.plan(configuration, context);
const layout = new Layout(firstFreeByte);
const state = layout.reserve(plan.stateBytes);
const scratch = layout.reserve(plan.trainerScratchBytes);
const policyScratch = layout.reserve(plan.policyScratchBytes);
const kernels = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
const trainer = dqn.createTrainer(configuration, context, kernels, state, scratch);
const policy = dqn.createPolicy(configuration, context, kernels, policyScratch);
const random = RandomStream.named({ seed: 1, role: 'test' });
trainer.initialize(random);
const { batch } = trainer;
const values = new Float32Array(kernels.memory.buffer, batch.observation, batch.size * batch.observationSize);
values.forEach((_, index) => {
  values[index] = random.uniform() < 0.1 ? 1 : 0;
});
new Float32Array(kernels.memory.buffer, batch.weight, batch.size).fill(1);

let litter = [0];
/** @type {Record<string, () => void>} */
const calls = {
  step: () => {
    trainer.step();
  },
  act: () => {
    policy.act(state, batch.observation, undefined, random);
  },
  // One small array a call: what the other two must not do, and what this measurement must be able to see.
  litter: () => {
    litter = [litter.length];
  },
};

const call = calls[process.argv[2] ?? ''];
const collect = globalThis.gc;
if (call === undefined || collect === undefined) throw new Error('usage: node --expose-gc allocation.js <call>');

function bytesOfCalls() {
  collect?.();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < measuredCalls; index++) call?.();
  return process.memoryUsage().heapUsed - before;
}

for (let index = 0; index < warmCalls; index++) call();
// The engine may still recompile something in one of the rounds: the least of five is what the calls leave.
const rounds = Array.from({ length: 5 }, bytesOfCalls);
console.log(Math.min(...rounds) / measuredCalls);
