import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MarlSystem, resumeRun } from 'marlin-rl';
import type { Execution, MarlConfiguration, RunSummary, TrainingRecord } from 'marlin-rl';
import { afterAll, beforeAll } from 'vitest';
import { smallDqn, timeless, trial } from './trial-run.js';

/** Options of `resumeRun`. */
export type ResumeOptions = NonNullable<Parameters<typeof resumeRun>[1]>;

/** What a run came to, the clock aside. */
export interface Outcome {
  readonly hashes: readonly string[];
  /** Lines of metrics.jsonl, sorted: an evaluation is recorded when it has been played, maybe after later epochs. */
  readonly records: readonly string[];
}

/** A folder for the runs of one test file, removed at the end. */
export class RunFolder {
  #path = '';
  #count = 0;

  constructor() {
    beforeAll(async () => {
      this.#path = await mkdtemp(join(tmpdir(), 'marlin-checkpoint-'));
    });
    afterAll(async () => {
      await rm(this.#path, { recursive: true });
    });
  }

  /** The path of a run that is yet to be made. */
  next(): string {
    return join(this.#path, String(this.#count++));
  }

  /** A copy of a run, to be gone on in: the run itself stays as it is. */
  async copyOf(directory: string): Promise<string> {
    const copy = this.next();
    await cp(directory, copy, { recursive: true });
    return copy;
  }
}

/** It acts by its weights, so that others would lead elsewhere. */
export const greedyDqn = { ...smallDqn, epsilon: { start: 0.2 } } as const;

type Overrides = Parameters<typeof trial>[1] & { readonly execution?: Execution };

/** Six epochs of 20 turns with a checkpoint of each, all of which are kept; records and weights straddle epochs. */
export function checkpointed(
  directory: string,
  { execution = 'sequential', ...overrides }: Overrides = {},
  options: Readonly<Record<string, unknown>> = {},
): MarlConfiguration {
  return trial(options, {
    agents: { algorithm: greedyDqn },
    ...overrides,
    experiment: { epochs: 6, seed: 3, logInterval: 3, checkpointEvery: 1, ...overrides.experiment },
    // Rings that are written over, and publications that are due at no epoch's end.
    parallel: { execution, learnerWorkers: 2, bufferCapacity: 64, publishInterval: 3, ...overrides.parallel },
    output: { directory, keepCheckpoints: 100, ...overrides.output },
  });
}

/** Makes a run to the end. */
export async function make(configuration: MarlConfiguration): Promise<RunSummary> {
  return new MarlSystem(configuration).run();
}

/** Goes on with a run to the end. */
export async function goOn(directory: string, options?: ResumeOptions): Promise<RunSummary> {
  return (await resumeRun(directory, options)).run();
}

/** What lies in a directory of a run that has come to this end. */
export async function outcomeOf(summary: RunSummary): Promise<Outcome> {
  const records = await recordsOf(summary.directory ?? '');
  return {
    hashes: summary.agents.map((agent) => agent.weightsHash),
    records: records.map((record) => JSON.stringify(timeless(record))).toSorted(),
  };
}

export async function recordsOf(directory: string): Promise<TrainingRecord[]> {
  const text = await readFile(join(directory, 'metrics.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as TrainingRecord);
}

/** Numbers of the epochs that a run tells of, in order. */
export async function episodesOf(directory: string): Promise<number[]> {
  const records = await recordsOf(directory);
  return records.filter((record) => record.kind === 'episode').map((record) => record.episode);
}

export async function checkpointsOf(directory: string): Promise<string[]> {
  return (await readdir(join(directory, 'checkpoints'))).toSorted();
}

/** 1, 2, … count */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** Goes on with a run to the end, and keeps what Marlin warns of meanwhile. */
export async function goOnWarned(
  directory: string,
  options?: ResumeOptions,
): Promise<{ readonly summary: RunSummary; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const note = (warning: Error): void => {
    if (warning.name === 'MarlinWarning') warnings.push(warning.message);
  };
  process.on('warning', note);
  try {
    // They are told of at the next tick, long before the run is over.
    return { summary: await goOn(directory, options), warnings };
  } finally {
    process.off('warning', note);
  }
}
