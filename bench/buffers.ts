import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { Layout } from '#marlin/buffer/layout.js';
import { PrioritizedDraw } from '#marlin/buffer/prioritized-draw.js';
import type { PrioritySettings } from '#marlin/buffer/priority-plan.js';
import { initializePriorityState, planPriorityLists, planPriorityState } from '#marlin/buffer/priority-plan.js';
import { initializeRings, planRing } from '#marlin/buffer/ring-plan.js';
import { RingSampler } from '#marlin/buffer/ring-sampler.js';
import type { SamplingRule } from '#marlin/buffer/transition-reader.js';
import { planReaderLists } from '#marlin/buffer/transition-reader.js';
import { RingWindows } from '#marlin/buffer/ring-windows.js';
import type { Transition } from '#marlin/buffer/ring-writer.js';
import { RingWriter } from '#marlin/buffer/ring-writer.js';
import { planTransitionBatch } from '#marlin/buffer/transition-batch.js';
import { UniformDraw } from '#marlin/buffer/uniform-draw.js';
import type { WeightMode } from '#marlin/buffer/weights.js';
import { planWeights, readerScratchBytes } from '#marlin/buffer/weights.js';
import { createPublisher, createReader, initializeWeights } from '#marlin/buffer/weight-slots.js';
import type { Kernels } from '#marlin/kernels/kernels.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import { RandomStream } from '#marlin/random.js';
import type { Bench, BenchResult } from './bench.js';
import { interleave, ratios, secondsOf, spreadOf } from './bench.js';

const observationBytes = 150;
const batchSize = 64;
const episodeSteps = 50;
const ringCapacity = 10_000;
const ringRound = 64 * 4000;
const samplingRound = 5000;
const messageRound = 20_000;

/** A 150-64-64-4 network in float32. */
const weightBytes = 4 * (150 * 64 + 64 + 64 * 64 + 64 + 64 * 4 + 4);
const acquireRound = 1_000_000;
const publishRound = 5000;

/** What passing transitions and weights between threads costs the two ends. */
export const bench: Bench = {
  name: 'buffers',
  run: async () => [...(await transitions()), ...(await sampling()), ...(await weights())],
};

/**
 * One transition through the ring and through a message channel, both ends on this thread, so that waiting for a
 * thread is in neither. Timed in the ring: `append` (claim, fill, publish; a boundary row every 50 steps) and a
 * sixty-fourth of `sample` (draw, gather to float32, validate, batch of 64, 1 frame, 1 step). Timed in the channel:
 * `postMessage` of { observation, action, reward, terminated, truncated } and `receiveMessageOnPort` of it; it goes
 * neither into a replay buffer nor into a batch.
 */
async function transitions(): Promise<BenchResult[]> {
  const ring = ringOf150Bytes();
  const channel = new MessageChannel();
  const message = {
    observation: new Uint8Array(observationBytes).fill(1),
    action: 1,
    reward: 0.5,
    terminated: false,
    truncated: false,
  };
  let received = 0;
  const overChannel = () => {
    for (let count = 0; count < messageRound; count++) {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
      channel.port1.postMessage(message);
      const reply: { message: typeof message } | undefined = receiveMessageOnPort(channel.port2);
      received += reply?.message.action ?? 0;
    }
  };
  const [ringTimes, channelTimes] = await interleave([
    () => (secondsOf(ring) / ringRound) * 1e9,
    () => (secondsOf(overChannel) / messageRound) * 1e9,
  ]);
  channel.port1.close();
  if (received === 0) throw new Error('No message came through the channel.');
  return [
    {
      what: 'transition of 150 bytes: ring append + 1/64 of a sampled batch of 64',
      ...spreadOf(ringTimes),
      unit: 'ns',
    },
    { what: 'the same object: postMessage + receiveMessageOnPort', ...spreadOf(channelTimes), unit: 'ns' },
    { what: 'channel ÷ ring', ...spreadOf(ratios(channelTimes, ringTimes)), unit: '×', bound: '≥ 15' },
  ];
}

/** Returns a round of work: 64 transitions appended, one batch of 64 sampled, and so on. */
function ringOf150Bytes(): () => void {
  const { append, train } = makeRing({ frames: 1, steps: 1, discount: 0.99, observationScale: 1 });
  return () => {
    for (let batches = 0; batches < ringRound / batchSize; batches++) {
      for (let count = 0; count < batchSize; count++) append();
      train();
    }
  };
}

/**
 * What a batch costs a learner at the defaults of DQN (5 frames, n-step 3, 4 turns a training step, 10 000 rows): those
 * of the actor's rows that came since are appended outside of the measured time, their entering is inside; and so is,
 * for the prioritized draw, what is learnt of the batch.
 */
async function sampling(): Promise<BenchResult[]> {
  const rule = { frames: 5, steps: 3, discount: 0.9, observationScale: 1 };
  const priorities = { exponent: 0.6, correction: { start: 0.4, end: 1, duration: 10_000 }, floor: 1e-6 };
  const rings = [makeRing(rule), makeRing(rule, priorities)];
  for (const { append } of rings) for (let row = 0; row < ringCapacity; row++) append();
  const [uniform, prioritized] = await interleave(rings.map((ring) => () => microsecondsPerBatch(ring)));
  const what = `batch of ${batchSize}, 5 frames of 150 bytes, n-step 3`;
  return [
    { what: `${what}: drawn uniformly`, ...spreadOf(uniform), unit: 'µs' },
    { what: `${what}: drawn by priority and learnt`, ...spreadOf(prioritized), unit: 'µs' },
    { what: 'by priority ÷ uniformly', ...spreadOf(ratios(prioritized, uniform)), unit: '×' },
  ];
}

function microsecondsPerBatch({ append, train }: BenchRing): number {
  let seconds = 0;
  for (let batch = 0; batch < samplingRound; batch++) {
    for (let row = 0; row < 4; row++) append();
    seconds += secondsOf(train);
  }
  return (seconds / samplingRound) * 1e6;
}

interface BenchRing {
  append(): void;
  /** Samples a batch, and learns what a training step would have left of it. */
  train(): void;
}

function makeRing(rule: SamplingRule, priorities?: PrioritySettings): BenchRing {
  const layout = new Layout(firstFreeByte);
  const plan = planRing(layout, {
    capacity: ringCapacity,
    observationSize: observationBytes,
    observationDtype: 'u8',
    actionSize: 1,
    maskSize: 4,
    hasActionMask: false,
    fields: [],
    rings: 1,
  });
  const batch = planTransitionBatch(layout, batchSize, rule.frames * observationBytes, 1, 4, false);
  const scratch = planReaderLists(layout, batchSize, rule.frames);
  const observation = layout.reserve(observationBytes);
  const state = planPriorityState(layout, 1, ringCapacity);
  const lists = planPriorityLists(layout, 1, ringCapacity, batchSize);
  const { kernels, buffer } = kernelsOver(layout);
  initializeRings(buffer, plan);
  initializePriorityState(buffer, plan, state);
  const writer = new RingWriter(buffer, plan, 0, kernels);
  const random = RandomStream.named({ seed: 1, role: 'replay' });
  const windows = new RingWindows(buffer, plan, rule.frames);
  const common = { buffer, plan, batch, steps: rule.steps, state, lists, kernels, windows, random };
  const draw =
    priorities === undefined
      ? new UniformDraw(plan, batchSize, windows, random)
      : new PrioritizedDraw({ ...common, settings: priorities });
  const sampler = new RingSampler(buffer, plan, batch, rule, scratch, kernels, draw);
  const errors = new Float32Array(buffer, batch.priority, batchSize);
  errors.forEach((_, index) => {
    errors[index] = 2 * random.uniform();
  });
  const transition: Transition = {
    observation,
    finalObservation: observation,
    action: Int32Array.of(1),
    reward: 0.5,
    terminated: false,
    truncated: false,
    cut: false,
    legal: 0,
    finalLegal: 0,
    fields: [],
  };
  let step = 0;
  return {
    append: () => {
      step = (step + 1) % episodeSteps;
      transition.terminated = step === 0;
      writer.append(transition);
    },
    train: () => {
      sampler.sample();
      sampler.learned();
    },
  };
}

/** Both ends on one thread, nobody in the way: the cost of the protocol and of the copies it makes. */
async function weights(): Promise<BenchResult[]> {
  const subjects = [...weightSubjects('double-buffer'), ...weightSubjects('snapshot')];
  const candidates = subjects.map(
    ({ work, count }) =>
      () =>
        (secondsOf(work) / count) * 1e9,
  );
  const times = await interleave(candidates);
  return subjects.map(({ what }, index) => Object.assign(spreadOf(times[index]), { what, unit: 'ns' }));
}

function weightSubjects(mode: WeightMode): { what: string; count: number; work(): void }[] {
  const layout = new Layout(firstFreeByte);
  const plan = planWeights(layout, mode, weightBytes);
  const source = layout.reserve(weightBytes);
  const scratch = layout.reserve(readerScratchBytes(mode, weightBytes));
  const { kernels, buffer } = kernelsOver(layout);
  initializeWeights(buffer, plan);
  const pin = { words: new Int32Array(new SharedArrayBuffer(4)), index: 0 };
  const publisher = createPublisher(buffer, plan, [pin], kernels);
  const reader = createReader(buffer, plan, pin, kernels, scratch);
  publisher.tryPublish(source);
  const acquire = () => {
    for (let count = 0; count < acquireRound; count++) {
      reader.acquire();
      reader.release();
    }
  };
  const publish = () => {
    for (let count = 0; count < publishRound; count++) publisher.tryPublish(source);
  };
  const publishAndAcquire = () => {
    for (let count = 0; count < publishRound; count++) {
      publisher.tryPublish(source);
      reader.acquire();
      reader.release();
    }
  };
  const size = `${Math.round(weightBytes / 1024)} KiB`;
  return [
    { what: `${mode}: acquire + release, version unchanged`, count: acquireRound, work: acquire },
    { what: `${mode}: publish ${size}`, count: publishRound, work: publish },
    { what: `${mode}: publish ${size}, acquire it and release`, count: publishRound, work: publishAndAcquire },
  ];
}

function kernelsOver(layout: Layout): { kernels: Kernels; buffer: SharedArrayBuffer } {
  const memory = createKernelMemory(layout.end);
  return { kernels: instantiateKernels(kernelModule(), memory), buffer: memory.buffer };
}
