import * as v from 'valibot';
import {
  createKernelMemory,
  firstFreeByte,
  gemmScratchBytes,
  instantiateKernels,
  kernelModule,
  peakOperations,
} from '#marlin/kernels/kernels.js';
import { dqn } from '#marlin/algorithms/dqn.js';
import { Layout } from '#marlin/buffer/layout.js';
import { RandomStream } from '#marlin/random.js';
import type { Bench, BenchResult } from './bench.js';
import { makeLearnerSubject } from './learner-subject.js';
import { makeTensorFlowDqn } from './tensorflow-dqn.js';
import { startTensorFlow } from './tensorflow.js';
import { Times } from './times.js';

/** Matrix products of the sizes of a wide network, against multiply-adds that never leave the registers. */
async function benchProducts(): Promise<BenchResult[]> {
  const [m, n, k] = [768, 250, 250];
  const layout = new Layout(firstFreeByte);
  const [a, b] = [layout.reserve(m * k * 4), layout.reserve(n * k * 4)];
  const [c, scratch] = [layout.reserve(m * n * 4), layout.reserve(gemmScratchBytes(n, k))];
  const kernels = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
  const random = RandomStream.named({ seed: 1, role: 'bench' });
  new Float32Array(kernels.memory.buffer, a, (c - a) / 4).forEach((_, index, values) => {
    values[index] = random.uniform();
  });
  const operations = 2 * m * n * k;
  const iterations = Math.round(operations / peakOperations);
  const times = await Times.of({
    peak: { calls: 5, call: () => kernels.multiplyAddPeak(iterations) },
    gemmNT: { calls: 5, call: () => kernels.gemmNT(c, a, b, m, n, k, 0, scratch) },
    gemmNN: { calls: 5, call: () => kernels.gemmNN(c, a, b, m, n, k, 0, scratch) },
    gemmTN: { calls: 5, call: () => kernels.gemmTN(c, a, b, m, n, k, 0, scratch) },
  });
  const share = (name: 'gemmNT' | 'gemmNN' | 'gemmTN'): BenchResult => {
    const what = `${name} ${m}×${n}×${k}, share of the register-only bound`;
    return { what, ...times.rate(name, 'peak'), unit: '×', bound: '≥ 0.75' };
  };
  return [share('gemmNT'), share('gemmNN'), share('gemmTN')];
}

/** Rows picked from a ring of 10 000 one-hot observations, against one copy of as many bytes. */
async function benchGathers(): Promise<BenchResult[]> {
  const [slots, rowBytes, count, lists] = [10_000, 150, 320, 64];
  const bytes = count * rowBytes;
  const layout = new Layout(firstFreeByte);
  const source = layout.reserve(slots * rowBytes);
  const positions = layout.reserve(lists * count * 4);
  const destination = layout.reserve(bytes * 4);
  const other = layout.reserve(bytes * 4);
  const { memory, ...kernels } = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
  const random = RandomStream.named({ seed: 1, role: 'bench' });
  const all = new Uint8Array(memory.buffer);
  for (let at = source; at < source + slots * rowBytes; at++) all[at] = random.uniform() < 0.05 ? 1 : 0;
  const numbers = new Int32Array(memory.buffer, positions, lists * count);
  for (let index = 0; index < numbers.length; index++) numbers[index] = random.integer(slots);
  const list = (index: number) => positions + (index % lists) * count * 4;
  // The copy too reads another part of the ring each time.
  const start = (index: number) => source + ((index * 4099) % (slots - count)) * rowBytes;
  const copyWithin = () => all.copyWithin(destination, other, other + bytes * 4);
  const widen = (index: number) => kernels.gatherRowsU8ToF32(destination, source, rowBytes, list(index), count, 1);
  const times = await Times.of({
    copy: { calls: 2_000, call: (index) => kernels.copyBytes(destination, start(index), bytes) },
    u8: { calls: 2_000, call: (index) => kernels.gatherRows(destination, source, rowBytes, list(index), count) },
    copyWithin: { calls: 500, call: copyWithin },
    widen: { calls: 500, call: widen },
  });
  const what = `${count} rows of ${rowBytes} B`;
  return [
    { what: `gather ${what} u8, rate of memory.copy`, ...times.rate('u8', 'copy'), unit: '×', bound: '≥ 0.4' },
    {
      what: `gather ${what} u8 → f32, rate of copyWithin`,
      ...times.rate('widen', 'copyWithin'),
      unit: '×',
      bound: '≥ 0.5',
    },
  ];
}

/** Training steps and single forward passes of a DQN with 64-64 hidden units. */
async function benchDqn(frames: number, density: number): Promise<BenchResult[]> {
  const size = 150;
  const subject = makeLearnerSubject(dqn, v.parse(dqn.schema, { frameStack: frames }), size, density);
  const times = await Times.of({
    step: { calls: 100, call: subject.step },
    act: { calls: 3_000, call: subject.act },
    tensorFlow: { calls: 5, call: makeTensorFlowDqn(size * frames, subject.batches) },
  });
  const isGridworld = density < 1;
  const stepBound = isGridworld && frames === 1 ? { bound: '≤ 160' } : {};
  const rateBound = isGridworld ? { bound: '≥ 10' } : {};
  const what = `DQN ${size * frames}-64-64-4, ${isGridworld ? 'one-hot' : 'dense'} input`;
  return [
    { what: `${what}: training step, batch 64`, ...times.microseconds('step'), unit: 'µs', ...stepBound },
    { what: `${what}: against TensorFlow.js wasm`, ...times.rate('step', 'tensorFlow'), unit: '×', ...rateBound },
    { what: `${what}: action, batch 1`, ...times.microseconds('act'), unit: 'µs' },
  ];
}

/** What the options of DQN cost at its defaults: 750 one-hot inputs. */
async function benchOptions(): Promise<BenchResult[]> {
  const options = {
    'no option': {},
    'factorised noise': { noise: { kind: 'factorised' } },
    'independent noise': { noise: { kind: 'independent' } },
    'distributions of 51 atoms': { distribution: { kind: 'categorical' } },
  } as const;
  const names = Object.keys(options) as (keyof typeof options)[];
  const subjects = names.map((name) => makeLearnerSubject(dqn, v.parse(dqn.schema, options[name]), 150, 0.05));
  const candidates = (kind: 'step' | 'act', calls: number) =>
    Object.fromEntries(subjects.map((subject, index) => [names[index], { calls, call: subject[kind] }]));
  const steps = await Times.of(candidates('step', 100));
  const acts = await Times.of(candidates('act', 1_000));
  return names.flatMap((name): BenchResult[] => [
    { what: `DQN 750-64-64-4, ${name}: training step`, ...steps.microseconds(name), unit: 'µs' },
    { what: `  exploring action`, ...acts.microseconds(name), unit: 'µs' },
  ]);
}

async function run(): Promise<BenchResult[]> {
  const results = [await benchProducts(), await benchGathers()];
  results.push(await benchOptions());
  await startTensorFlow();
  for (const frames of [1, 5]) for (const density of [0.05, 1]) results.push(await benchDqn(frames, density));
  return results.flat();
}

export const bench: Bench = { name: 'kernels', run };
