import { Worker } from 'node:worker_threads';

/** The threads of a test: the first that fails fails the test, and none outlives it. */
export class Crew {
  readonly #workers = new Set<Worker>();
  #fail: (thrown: unknown) => void = () => {};
  readonly #failure = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  constructor() {
    // Whoever waits for the crew hears of a failure; nobody else must.
    this.#failure.catch(() => {});
  }

  start(file: string, workerData: unknown): Worker {
    const worker = new Worker(new URL(file, import.meta.url), { workerData });
    worker.once('error', this.#fail);
    this.#workers.add(worker);
    return worker;
  }

  async whileNoneFails<Result>(work: Promise<Result>): Promise<Result> {
    return Promise.race([work, this.#failure]);
  }

  async terminate(workers: Iterable<Worker> = this.#workers): Promise<void> {
    await Promise.all(Array.from(workers, (worker) => worker.terminate()));
  }
}
