import { workerData } from 'node:worker_threads';
import { ByteQueue } from '#marlin/buffer/byte-queue.js';
import { Disturbance } from './disturbance.js';

/**
 * @typedef {object} ProducerData
 * @property {SharedArrayBuffer} buffer
 * @property {import('#marlin/buffer/byte-queue.js').ByteQueuePlan} plan
 * @property {number} bytes
 * @property {Int32Array} full one word: how often there was no room
 */

/** @type {ProducerData | null} */
const data = workerData;
if (data !== null) {
  const queue = new ByteQueue(data.buffer, data.plan);
  const disturbance = new Disturbance(1, 200, 3000);
  for (let place = 0; place < data.bytes; place++) {
    while (queue.room === 0) {
      queue.publish();
      Atomics.add(data.full, 0, 1);
      disturbance.pause();
    }
    queue.put((place * 7) % 251);
    if (place % 13 === 0) queue.publish();
    disturbance.perhapsPause();
  }
  queue.publish();
}
