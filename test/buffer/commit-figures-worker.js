// Posts figures that belong together, as fast as it can, until it is told to stop. Pauses fall between any two stores.
import { workerData } from 'node:worker_threads';
import { CommitFigures } from '#marlin/buffer/commit-figures.js';
import { Disturbance } from './disturbance.js';

/** @type {{ words: Int32Array, stop: Int32Array } | null} */
const data = workerData;
if (data !== null) {
  const figures = new CommitFigures(data.words, 3);
  const disturbance = new Disturbance(3, 50, 2000);
  const values = new Float64Array(3);
  for (let steps = 1; Atomics.load(data.stop, 0) === 0; steps++) {
    const shown = steps % 1_000;
    values[0] = shown;
    values[1] = shown * 2;
    values[2] = shown * 3;
    figures.post(steps, values, 1);
    disturbance.perhapsPause();
  }
}
