import { MarlSystem } from 'marlin-rl';
import type { MarlConfiguration, RunSummary, TrainingRecord } from 'marlin-rl';
import type { Worker } from 'node:worker_threads';

const trialModule = new URL('./fixtures/trial.js', import.meta.url);

/** A small network, so that a run of many training steps is short. */
export const smallDqn = { name: 'dqn', hiddenSizes: [8], frameStack: 2, nStep: 2 } as const;

type Parallel = NonNullable<MarlConfiguration['parallel']>;

/** A short run of the trial environment (test/system/fixtures/trial.js); any part may be set otherwise. */
export function trial(
  options: Readonly<Record<string, unknown>> = {},
  overrides: Partial<Omit<MarlConfiguration, 'environment' | 'parallel'>> & { readonly parallel?: Parallel } = {},
): MarlConfiguration {
  return {
    environment: { module: trialModule },
    environmentOptions: options,
    agents: { algorithm: smallDqn },
    ...overrides,
    experiment: { epochs: 10, seed: 1, ...overrides.experiment },
    parallel: {
      learningStarts: 40,
      batchSize: 16,
      bufferCapacity: 500,
      // A failure ends a run at once, with the same error in every execution.
      restart: { maxRestarts: 0 },
      ...overrides.parallel,
    },
  };
}

export interface Run {
  readonly summary: RunSummary;
  readonly records: readonly TrainingRecord[];
}

/** Runs to the end and keeps every record. */
export async function runAndRecord(configuration: MarlConfiguration): Promise<Run> {
  const records: TrainingRecord[] = [];
  const system = new MarlSystem(configuration).addSink({
    write: (record) => records.push(record),
    close: async () => {},
  });
  return { summary: await system.run(), records };
}

/** What a record says but for the clock: when, how fast, and who waited how long. */
export function timeless(record: TrainingRecord): unknown {
  return JSON.parse(
    JSON.stringify(record, (key, value: unknown) =>
      ['timestamp', 'seconds', 'steps_per_second', 'actor_wait_share', 'training_lag'].includes(key)
        ? undefined
        : value,
    ),
  );
}

/** What a promise rejects with; fails where it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('It did not fail.');
}

/** Counts the worker threads that this process has and had, from the moment it is made. */
export class ThreadWatch {
  started = 0;
  alive = 0;

  readonly #onWorker = (worker: Worker): void => {
    this.started++;
    this.alive++;
    worker.once('exit', () => this.alive--);
  };

  constructor() {
    process.on('worker', this.#onWorker);
  }

  [Symbol.dispose](): void {
    process.off('worker', this.#onWorker);
  }
}
