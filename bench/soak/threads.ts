import { readdirSync, readlinkSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';

/** The worker threads of this process, from the moment it is made. */
export class Threads implements Disposable {
  readonly alive = new Set<Worker>();

  readonly #onWorker = (worker: Worker): void => {
    this.alive.add(worker);
    worker.once('exit', () => this.alive.delete(worker));
  };

  constructor() {
    process.on('worker', this.#onWorker);
  }

  /** Ends one of them; false where there is none. */
  terminateOne(random: () => number): boolean {
    const threads = [...this.alive];
    const victim = threads[Math.floor(random() * threads.length)] as Worker | undefined;
    void victim?.terminate();
    return victim !== undefined;
  }

  [Symbol.dispose](): void {
    process.off('worker', this.#onWorker);
  }
}

/** Files that this process has open in a folder. */
export function openFiles(folder: string): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((path) => path.startsWith(folder));
}
