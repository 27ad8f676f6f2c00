import { workerData } from 'node:worker_threads';
import { WideCounter } from '#marlin/buffer/wide-counter.js';

/** Counts between two looks of the reader: the low half passes its limit every fourth step. */
export const stride = 2 ** 28 + 12_345;

/** @type {{ words: Int32Array, steps: number } | null} word 3 is the number of the last whole step */
const data = workerData;
if (data !== null) {
  const counter = new WideCounter(data.words, 0);
  for (let step = 1; step <= data.steps; step++) {
    counter.set(step * stride);
    Atomics.store(data.words, 3, step);
  }
}
