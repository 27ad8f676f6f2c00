import { Worker } from 'node:worker_threads';

const spinSource = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', (milliseconds) => {
    const end = performance.now() + milliseconds;
    let turns = 0, value = 1;
    while (performance.now() < end) {
      for (let index = 0; index < 10000; index++) value = (value * 1103515245 + 12345) & 0x7fffffff;
      turns++;
    }
    parentPort.postMessage(turns + (value & 0));
  });
`;

/** Two threads that only compute, to see what the machine gives to two threads now: 1.0 (one core's worth) to 2.0. */
export class SpinWorkers {
  readonly #workers = [0, 1].map(() => new Worker(spinSource, { eval: true }));

  /** Work done by both at once, over the mean of what each does alone. */
  async capacity(milliseconds = 150): Promise<number> {
    const [first, second] = this.#workers;
    const alone = (await spin(first, milliseconds)) + (await spin(second, milliseconds));
    const both = await Promise.all([spin(first, milliseconds), spin(second, milliseconds)]);
    return (both[0] + both[1]) / (alone / 2);
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map(async (worker) => worker.terminate()));
  }
}

async function spin(worker: Worker, milliseconds: number): Promise<number> {
  return new Promise((resolve) => {
    worker.once('message', resolve);
    worker.postMessage(milliseconds);
  });
}
