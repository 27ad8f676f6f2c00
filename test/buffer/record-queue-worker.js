import { workerData } from 'node:worker_threads';
import { RecordQueue } from '#marlin/buffer/record-queue.js';
import { Disturbance } from './disturbance.js';

/**
 * @typedef {object} ProducerData
 * @property {SharedArrayBuffer} buffer
 * @property {import('#marlin/buffer/record-queue.js').RecordQueuePlan} plan
 * @property {number} records
 * @property {Int32Array} refusals one word
 */

/** @type {ProducerData | null} */
const data = workerData;
if (data !== null) {
  const queue = new RecordQueue(data.buffer, data.plan);
  const disturbance = new Disturbance(1, 100, 3000);
  const record = new Float64Array(data.plan.width);
  for (let number = 0; number < data.records; number++) {
    record.fill(number);
    while (!queue.push(record)) {
      Atomics.add(data.refusals, 0, 1);
      disturbance.pause();
    }
    disturbance.perhapsPause();
  }
}
