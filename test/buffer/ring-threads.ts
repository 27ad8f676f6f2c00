import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Layout } from '#marlin/buffer/layout.js';
import { periodOf } from '#marlin/buffer/position.js';
import type { PrioritySettings } from '#marlin/buffer/priority-plan.js';
import { initializePriorityState, planPriorityLists, planPriorityState } from '#marlin/buffer/priority-plan.js';
import { totalRows } from '#marlin/buffer/ring-occupancy.js';
import { initializeRings, planRing, ringControl, ringControlView } from '#marlin/buffer/ring-plan.js';
import type { SamplingRule } from '#marlin/buffer/transition-reader.js';
import { planReaderLists } from '#marlin/buffer/transition-reader.js';
import { planTransitionBatch } from '#marlin/buffer/transition-batch.js';
import { createKernelMemory, firstFreeByte, kernelModule } from '#marlin/kernels/kernels.js';
import { Crew } from './crew.js';
import type { Breakage, SamplerData, SamplerReport, WriterData } from './ring-worker.js';

export interface RingThreadsOptions {
  readonly breakage: Breakage;
  /** The sampler ends when it has sampled so many transitions and redrawn so many, or found a torn one. */
  readonly samples: number;
  readonly redraws: number;
  readonly capacity: number;
  readonly actors: number;
  readonly ringsPerActor: number;
  readonly oneIn: number;
  /** Drawn by priority; left out: uniformly. */
  readonly priorities?: PrioritySettings;
  /** Milliseconds between the deaths of a writer; undefined: they live as long as the test. */
  readonly writerLifeMs?: number;
}

export interface RingThreadsReport extends SamplerReport {
  /** Rows written, all rings together. */
  readonly rows: number;
  readonly deaths: number;
}

export const batchSize = 64;
export const rule: SamplingRule = { frames: 2, steps: 3, discount: 0.5, observationScale: 1 };

const generations = 1024;
const observationSize = 32;

/** Actors that write to their rings as fast as they can, and one sampler of all of them, each on its own thread. */
export async function runRingThreads(options: RingThreadsOptions): Promise<RingThreadsReport> {
  const { breakage, actors, ringsPerActor, capacity, oneIn } = options;
  const rings = actors * ringsPerActor;
  const layout = new Layout(firstFreeByte);
  const plan = planRing(layout, {
    capacity,
    observationSize,
    observationDtype: 'u8',
    actionSize: 1,
    maskSize: 4,
    hasActionMask: true,
    fields: [{ name: 'value', dtype: 'f32', size: 1 }],
    rings,
    // The wrap comes within the first thousands of rows.
    startPosition: periodOf(capacity) - 3 * capacity,
  });
  const batch = planTransitionBatch(layout, batchSize, rule.frames * observationSize, 1, 4, true);
  const scratch = planReaderLists(layout, batchSize, rule.frames);
  const prioritized =
    options.priorities === undefined
      ? undefined
      : {
          settings: options.priorities,
          state: planPriorityState(layout, rings, capacity),
          lists: planPriorityLists(layout, rings, capacity, batchSize),
        };
  const staging = Array.from({ length: actors }, () => layout.reserve(2 * observationSize));
  const memory = createKernelMemory(layout.end);
  initializeRings(memory.buffer, plan);
  if (prioritized !== undefined) initializePriorityState(memory.buffer, plan, prioritized.state);

  const starts = new Int32Array(new SharedArrayBuffer(rings * generations * 4)).fill(-1);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const common = { module: kernelModule(), memory, plan, stop, breakage, oneIn };
  const rowsOf = (ring: number) => {
    const control = ringControlView(memory.buffer, plan, ring);
    return totalRows(control, plan, Atomics.load(control, ringControl.head));
  };

  const crew = new Crew();
  const start = (data: WriterData | SamplerData) => crew.start('ring-worker.js', data);
  const startWriter = (actor: number, generation: number) => {
    const own = Array.from({ length: ringsPerActor }, (_, index) => actor * ringsPerActor + index);
    const firstRows = own.map(rowsOf);
    for (const [index, ring] of own.entries()) starts[ring * generations + generation] = firstRows[index];
    const seed = 100 * generation + actor;
    return start({ ...common, role: 'write', seed, rings: own, firstRows, generation, staging: staging[actor] });
  };

  let writers = Array.from({ length: actors }, (_, actor) => startWriter(actor, 0));
  const { samples, redraws } = options;
  const drawn = { batch, rule, scratch, prioritized, starts, samples, redraws };
  const sampler = start({ ...common, role: 'sample', seed: 99, ...drawn });
  let sampling = true;
  let deaths = 0;
  const replacing = (async () => {
    for (let generation = 1; options.writerLifeMs !== undefined && generation < generations; generation++) {
      await setTimeout(options.writerLifeMs);
      if (!sampling) return;
      await crew.terminate(writers);
      deaths += writers.length;
      writers = writers.map((_, actor) => startWriter(actor, generation));
    }
  })();
  try {
    const [report]: SamplerReport[] = await crew.whileNoneFails(once(sampler, 'message'));
    sampling = false;
    await replacing;
    return { ...report, deaths, rows: starts.reduce((sum, _, ring) => (ring < rings ? sum + rowsOf(ring) : sum), 0) };
  } finally {
    sampling = false;
    Atomics.store(stop, 0, 1);
    await crew.terminate();
  }
}
