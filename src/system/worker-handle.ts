import { releaseProxy, wrap } from 'comlink';
import { Worker } from 'node:worker_threads';
import { MarlinError, errorFromData } from '../errors.js';
import { nodeEndpoint } from './node-endpoint.js';
import type { WorkerApi } from './worker-call.js';

/** A worker thread and its one long call, as the main thread holds them. */
export class WorkerHandle<Task> {
  readonly name: string;
  readonly #worker: Worker;
  /** Rejects when the thread ends or fails outside of its call; comlink alone would wait for ever. */
  readonly #death: Promise<never>;
  /** Resolves when the thread has loaded its modules: with its first message. */
  readonly #loaded: Promise<void>;
  #hasEnded = false;
  /** Why it was killed. */
  #killedFor: Error | undefined;

  /**
   * Starts a thread, which loads its modules and waits for its task.
   * @param entry compiled worker entry, for tasks of this type
   * @param heapLimitMb mebibytes of JavaScript heap; default: what Node allows
   */
  constructor(name: string, entry: URL, heapLimitMb?: number) {
    this.name = name;
    const resourceLimits = heapLimitMb === undefined ? {} : { maxOldGenerationSizeMb: heapLimitMb };
    this.#worker = new Worker(entry, { name, resourceLimits });
    this.#death = new Promise<never>((_, reject) => {
      this.#worker.once('error', (cause) => {
        reject(this.#told(new MarlinError('ERR_WORKER', `${name} failed: ${messageOf(cause)}`, { cause })));
      });
      this.#worker.once('exit', (code) => {
        this.#hasEnded = true;
        const message = `${name} ended with code ${code} before its work was done.`;
        reject(this.#told(this.#killedFor ?? new MarlinError('ERR_WORKER_EXIT', message)));
      });
    });
    this.#loaded = new Promise((resolve) => {
      this.#worker.once('message', () => resolve());
    });
    // Looked at only while a call is pending; an exit after that is as it should be.
    this.#death.catch(() => {});
  }

  /**
   * Makes the worker's one call. Shared memory in the task stays shared; the rest is copied.
   * @throws what the worker threw, with its `code` and `cause`; MarlinError `ERR_WORKER` or `ERR_WORKER_EXIT` when the
   * thread died
   */
  async run(task: Task): Promise<void> {
    const remote = wrap<WorkerApi>(nodeEndpoint(this.#worker));
    const outcome = await Promise.race([remote.run(task), this.#death]);
    remote[releaseProxy]();
    if (!outcome.ok) throw this.#told(errorFromData(outcome.error));
  }

  /** Which thread it came from is told besides, so that the error itself is the same in every execution. */
  #told(error: Error): Error {
    return Object.assign(error, { worker: this.name });
  }

  /** Ends the thread at once, whatever it does: its call then fails with this error. */
  kill(error: Error): void {
    this.#killedFor = error;
    void this.#worker.terminate();
  }

  /**
   * Ends the thread, whatever it does, and resolves when it is gone. One that is still loading its modules is let finish
   * with that: Node does not close the files that a terminated thread was reading.
   */
  async terminate(): Promise<void> {
    await Promise.allSettled([Promise.race([this.#loaded, this.#death])]);
    // Also where it has ended: 'error' comes before the thread is gone, and this resolves once it is.
    if (!this.#hasEnded) await this.#worker.terminate();
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
