import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { planByteQueue } from '#marlin/buffer/byte-queue.js';
import { Layout, sectionAlignment } from '#marlin/buffer/layout.js';
import { WorkerControl } from '#marlin/buffer/worker-control.js';
import { ProbeSubscription } from '#marlin/metrics/probe-subscription.js';
import type { WaitReason } from '#marlin/metrics/probes.js';
import { scheduleWriter } from '#marlin/system/recording.js';
import type { RunShare } from '#marlin/system/run-share.js';

/** Stands for the main thread: once rung, and once the producer sleeps, it takes all that is in the queue and rings it. */
const consumer = `
  const { workerData: { words, main, queue, producer } } = require('node:worker_threads');
  Atomics.store(words, main + 1, 1);
  Atomics.wait(words, main, 0);
  while (Atomics.load(words, producer + 2) !== 1);
  Atomics.store(words, queue + 32, Atomics.load(words, queue));
  Atomics.add(words, producer + 1, 1);
  Atomics.notify(words, producer + 1);
`;

it('a thread that waits for room in its schedule says so', async () => {
  const layout = new Layout();
  const mainDoorbell = layout.reserve(sectionAlignment);
  const producer = WorkerControl.reserve(layout);
  const plan = planByteQueue(layout, 8);
  const runMemory = new SharedArrayBuffer(layout.end);
  const words = new Int32Array(runMemory);
  const workerData = { words, main: mainDoorbell / 4, queue: plan.control / 4, producer: producer / 4 };
  const worker = new Worker(consumer, { eval: true, workerData });
  while (Atomics.load(words, mainDoorbell / 4 + 1) !== 1) await new Promise((resolve) => setTimeout(resolve, 1));
  const share = { runMemory, plan: { memory: { mainDoorbell } } } as unknown as RunShare;
  const writer = scheduleWriter(share, plan, new WorkerControl(runMemory, producer));
  const waits: WaitReason[] = [];
  const subscription = new ProbeSubscription({ wait: (message) => waits.push(message.for) });
  for (let byte = 0; byte < 8; byte++) writer?.number(byte);
  expect(waits).toEqual([]);
  writer?.number(8);
  subscription.end();
  await worker.terminate();
  expect(waits).toEqual(['room']);
});
