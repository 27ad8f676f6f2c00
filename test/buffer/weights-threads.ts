import { setTimeout } from 'node:timers/promises';
import { Layout } from '#marlin/buffer/layout.js';
import type { WeightMode } from '#marlin/buffer/weights.js';
import { planWeights, readerScratchBytes } from '#marlin/buffer/weights.js';
import { createPublisher, initializeWeights } from '#marlin/buffer/weight-slots.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import { Crew } from './crew.js';
import type { Breakage, WeightsWorkerData } from './weights-worker.js';
import { figures } from './weights-worker.js';

export interface WeightsThreadsOptions {
  readonly mode: WeightMode;
  readonly breakage: Breakage;
  readonly readers: number;
  /** Threads that copy whole weights without a pin. */
  readonly copiers?: number;
  readonly bytes: number;
  readonly oneIn: number;
  /** It ends after so many publications, retries and (in double-buffer) refusals, at the first torn read, or here. */
  readonly publications: number;
  readonly retries: number;
  readonly timeLimitMs: number;
}

export interface WeightsThreadsReport {
  readonly acquisitions: number;
  readonly torn: number;
  readonly retries: number;
  readonly publications: number;
  /** Publications put off because an actor held the slot. */
  readonly refusals: number;
  readonly seconds: number;
}

/** Actors that read weights, and a learner that publishes them as fast as it can, each on its own thread. */
export async function runWeightsThreads(options: WeightsThreadsOptions): Promise<WeightsThreadsReport> {
  const { mode, breakage, readers, copiers = 0, bytes, oneIn } = options;
  const layout = new Layout(firstFreeByte);
  const plan = planWeights(layout, mode, bytes);
  const source = layout.reserve(bytes);
  const copies = Array.from({ length: readers }, () => layout.reserve(readerScratchBytes(mode, bytes)));
  const memory = createKernelMemory(layout.end);
  const module = kernelModule();
  const pins = new Int32Array(new SharedArrayBuffer(readers * 4));
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const counts = new Int32Array(new SharedArrayBuffer((readers + copiers + 1) * figures.count * 4));
  initializeWeights(memory.buffer, plan);
  // Version 0, before any actor starts. The source is zeros.
  createPublisher(memory.buffer, plan, [], instantiateKernels(module, memory)).tryPublish(source);

  const crew = new Crew();
  const start = (role: WeightsWorkerData['role'], index: number, block: number) => {
    const workerData: WeightsWorkerData = {
      module,
      memory,
      plan,
      pins,
      stop,
      counts,
      breakage,
      oneIn,
      role,
      index,
      block,
    };
    return crew.start('weights-worker.js', workerData);
  };
  for (const [index, copy] of copies.entries()) start('read', index, copy);
  for (let copier = 0; copier < copiers; copier++) start('copy', readers + copier, 0);
  start('publish', readers + copiers, source);
  const began = performance.now();
  try {
    for (;;) {
      await crew.whileNoneFails(setTimeout(20));
      const seen = reportOf(counts, performance.now() - began);
      const enough = seen.publications >= options.publications && seen.retries >= options.retries;
      if (enough || seen.torn > 0 || seen.seconds * 1000 > options.timeLimitMs) return seen;
    }
  } finally {
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
    await crew.terminate();
  }
}

function reportOf(counts: Int32Array, elapsedMs: number): WeightsThreadsReport {
  const total = (figure: number) => counts.reduce((sum, n, at) => (at % figures.count === figure ? sum + n : sum), 0);
  return {
    acquisitions: total(figures.acquisitions),
    torn: total(figures.torn),
    retries: total(figures.retries),
    publications: total(figures.publications),
    refusals: total(figures.refusals),
    seconds: elapsedMs / 1000,
  };
}
