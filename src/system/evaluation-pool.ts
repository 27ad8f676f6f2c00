import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import type { EpochOutcome } from '../actor/epoch-player.js';
import { MarlinError, errorFromData } from '../errors.js';
import type { EvaluationOutcome, EvaluationPlan, EvaluationTask, Worlds } from './evaluation-task.js';

const entry = new URL('./workers/evaluation-worker.js', import.meta.url);

/** How long a thread may take to end its turn once nobody wants the result any more. */
const abortGraceMs = 1_000;

/** Threads that play epochs, each in an environment of its own. They start with the first job and end with {@link close}. */
export class EvaluationPool {
  readonly #threads: number;
  #pool: Promise<Piscina<EvaluationTask, EvaluationOutcome>> | undefined;
  /** Threads that have not ended, and their ends: the pool itself forgets those that failed before they are gone. */
  readonly #alive = new Map<Worker, Promise<void>>();

  constructor(threads: number) {
    this.#threads = threads;
  }

  /**
   * Plays epochs; which thread plays which shows in nothing but the time.
   * @returns their outcomes, in the order of `worlds`
   * @throws what an environment threw, with its `code` and `cause`; MarlinError `ERR_WORKER_EXIT` or `ERR_WORKER` where
   * a thread died; the signal's reason
   */
  async play(
    plan: EvaluationPlan,
    worlds: Worlds,
    isGreedy: boolean,
    signal: AbortSignal | undefined,
  ): Promise<EpochOutcome[]> {
    signal?.throwIfAborted();
    this.#pool ??= this.#open();
    const pool = await this.#pool;
    signal?.throwIfAborted();
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const kill = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const abandon = (): void => {
      Atomics.store(stop, 0, 1);
      timer ??= setTimeout(() => kill.abort(), abortGraceMs);
    };
    signal?.addEventListener('abort', abandon, { once: true });
    const count = worlds.seeds.length * worlds.epochs;
    const parts = Math.min(this.#threads, count);
    let failure: Error | undefined;
    const tasks = Array.from({ length: parts }, async (_, part) => {
      try {
        return epochsOf(await pool.run({ plan, worlds, part, parts, isGreedy, stop }, { signal: kill.signal }));
      } catch (error) {
        // The first in time: what the others play is of no use any more, and they may be ended for it.
        failure ??= error instanceof Error && 'worker' in error ? error : threadFailure(error);
        abandon();
        return [];
      }
    });
    // All of them, so that none goes on behind the caller's back.
    const epochs = await Promise.all(tasks);
    clearTimeout(timer);
    signal?.removeEventListener('abort', abandon);
    signal?.throwIfAborted();
    if (failure !== undefined) throw failure;
    return Array.from({ length: count }, (_, index) => epochs[index % parts][Math.floor(index / parts)]);
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    const pool = await this.#pool;
    this.#pool = undefined;
    if (pool === undefined) return;
    // The end of a thread that failed makes the pool start another one, destroyed or not.
    do {
      await pool.destroy();
      this.#watch(pool.threads);
      await Promise.all(this.#alive.values());
    } while (pool.threads.length > 0);
  }

  async #open(): Promise<Piscina<EvaluationTask, EvaluationOutcome>> {
    // Loaded here, for most runs are never evaluated.
    const { Piscina: Pool } = await import('piscina');
    const pool = new Pool<EvaluationTask, EvaluationOutcome>({
      filename: entry.href,
      minThreads: this.#threads,
      maxThreads: this.#threads,
      // A thread that waits in `Atomics.wait` would hold up what a user's environment does between turns.
      atomics: 'disabled',
    });
    this.#watch(pool.threads);
    // One that failed is replaced.
    pool.on('workerCreate', () => this.#watch(pool.threads));
    // It may also fail between two tasks; unheard, the event would end the process.
    pool.on('error', () => {});
    return pool;
  }

  #watch(threads: readonly Worker[]): void {
    for (const thread of threads) {
      if (this.#alive.has(thread)) continue;
      const end = new Promise<void>((resolve) => {
        thread.once('exit', () => resolve());
      });
      this.#alive.set(
        thread,
        end.then(() => void this.#alive.delete(thread)),
      );
    }
  }
}

function epochsOf(outcome: EvaluationOutcome): readonly EpochOutcome[] {
  // Where it came from is told besides, as by workers of the run.
  if (!outcome.ok) throw Object.assign(errorFromData(outcome.error), { worker: 'evaluation' });
  return outcome.epochs;
}

/** Piscina's own errors: a thread ended, or threw outside of its task. */
function threadFailure(cause: unknown): MarlinError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const [, code] = /^worker exited with code: (\d+)$/.exec(text) ?? [];
  const error =
    code === undefined
      ? new MarlinError('ERR_WORKER', `An evaluation thread failed: ${text}`, { cause })
      : new MarlinError('ERR_WORKER_EXIT', `An evaluation thread ended with code ${code} before its work was done.`);
  return Object.assign(error, { worker: 'evaluation' });
}
