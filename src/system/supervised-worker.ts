import type { WorkerControl } from '../buffer/worker-control.js';
import { ConfigurationError, MarlinError, toError } from '../errors.js';
import type { RestartPolicy } from './restart-window.js';
import { RestartWindow } from './restart-window.js';
import { WorkerHandle } from './worker-handle.js';

/** Looks at a worker's beats that see no other before it is said to hang. */
export const looksPerTimeout = 4;
/** A thread that is starting loads modules, and TensorFlow.js perhaps: it gets so long at the least, in milliseconds. */
const leastStartMs = 30_000;

/** What a supervised worker is made of. */
export interface SupervisedWorkerParts<Task> {
  readonly name: string;
  /** Compiled worker entry, for tasks of this type. */
  readonly entry: URL;
  readonly control: WorkerControl;
  readonly restart: RestartPolicy;
  /** See `parallel.heartbeatTimeoutMs`. */
  readonly heartbeatTimeoutMs: number;
  /** See `parallel.heapLimitMb`. */
  readonly heapLimitMb: number | undefined;
  /** A thread that has been started already, for the first life. */
  readonly thread?: WorkerHandle<Task> | undefined;
  /** Of the first thread. */
  readonly task: Task;
  /**
   * Makes memory ready for the life that follows, and says what its task is; the thread that failed is gone. Rejects where
   * the run is given up.
   */
  readonly recover: (error: Error) => Promise<Task>;
  /** What the user is told to go on from where the run has to end; '' where there is nothing. */
  readonly advice: () => Promise<string>;
}

/**
 * A worker of a run through all its lives. When a thread throws, exits, runs out of heap or hangs, it is ended, memory is
 * made ready, and another takes its place; unless that has happened too often.
 *
 * ```
 *   life 0 ──fails──► thread is gone ──► recover() ──► life 1 ──fails──► … ──► too often: run() rejects
 *      └── its work is done: run() resolves
 * ```
 */
export class SupervisedWorker<Task> {
  readonly name: string;
  readonly #parts: SupervisedWorkerParts<Task>;
  readonly #restarts: RestartWindow;
  #thread: WorkerHandle<Task>;
  #isGivenUp = false;
  /** True once its one call has returned. */
  #hasReturned = false;
  #beats = 0;
  #hasBeaten = false;
  #looks = 0;

  constructor(parts: SupervisedWorkerParts<Task>) {
    this.name = parts.name;
    this.#parts = parts;
    this.#restarts = new RestartWindow(parts.restart);
    this.#thread = parts.thread ?? this.#startThread();
  }

  /**
   * Has the work done.
   * @throws MarlinError `ERR_RESTARTS` with the last error as its cause; that error itself where none is to be replaced
   */
  async run(): Promise<void> {
    const { control, recover } = this.#parts;
    let { task } = this.#parts;
    for (let life = 0; ; life++) {
      this.#beats = control.beats;
      this.#looks = 0;
      this.#hasBeaten = false;
      try {
        await this.#thread.run(task);
        this.#hasReturned = true;
        return;
      } catch (thrown) {
        // From here on nothing of it writes any more.
        await this.#thread.terminate();
        // It had said its last word.
        this.#hasReturned = control.isDone;
        if (this.#hasReturned) return;
        const error = toError(thrown);
        if (this.#isGivenUp) throw error;
        await this.#requireRestart(error, life);
        task = await recover(error);
        if (this.#isGivenUp) throw error;
        control.reset();
        this.#thread = this.#startThread();
      }
    }
  }

  /** Looks whether it still gets on; to be called {@link looksPerTimeout} times in the time that it may take. */
  look(): void {
    if (this.#hasReturned) return;
    const { control, heartbeatTimeoutMs } = this.#parts;
    const { beats } = control;
    const gotOn = beats !== this.#beats;
    this.#hasBeaten ||= gotOn;
    // Looks are counted rather than time: a process that was stopped as a whole takes up its looks where it left off.
    if (gotOn || control.doorbell.isAsleep) this.#looks = 0;
    else this.#looks++;
    this.#beats = beats;
    const allowedMs = this.#hasBeaten ? heartbeatTimeoutMs : Math.max(heartbeatTimeoutMs, leastStartMs);
    if ((this.#looks / looksPerTimeout) * heartbeatTimeoutMs <= allowedMs) return;
    this.#looks = 0;
    const what = this.#hasBeaten ? 'ended no turn and no training step' : 'did not start its work';
    const message = `${this.name} hangs: it ${what} within ${allowedMs} ms (parallel.heartbeatTimeoutMs).`;
    this.#thread.kill(new MarlinError('ERR_WORKER_HANG', message));
  }

  /** Ends it, whatever it does; none takes its place. */
  async terminate(): Promise<void> {
    this.#isGivenUp = true;
    await this.#thread.terminate();
  }

  #startThread(): WorkerHandle<Task> {
    return new WorkerHandle<Task>(this.name, this.#parts.entry, this.#parts.heapLimitMb);
  }

  async #requireRestart(error: Error, life: number): Promise<void> {
    const { restart, advice } = this.#parts;
    // What was refused once will be refused again.
    if (restart.maxRestarts === 0 || error instanceof ConfigurationError) throw error;
    if (this.#restarts.allows(performance.now())) return;
    const times = `${life + 1} times, more than ${restart.maxRestarts} restarts within ${restart.withinMs} ms allow`;
    const reason = error.message.replace(/\.?$/, '.');
    const message = `${this.name} failed ${times} (parallel.restart); the last time: ${reason}${await advice()}`;
    const failure = new MarlinError('ERR_RESTARTS', message, { cause: error });
    throw Object.assign(failure, { worker: this.name });
  }
}
