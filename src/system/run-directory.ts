import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MarlinError } from '../errors.js';
import type { TrainingRecord } from '../metrics/record.js';
import type { Checkpoint } from './checkpoint.js';
import { removeNewer } from './checkpoint-files.js';
import { runFiles, settingsText, writeWhole } from './run-files.js';
import { networkEngines } from './run-plan.js';
import type { RunPlan } from './run-plan.js';
import { thisPlatform } from './saved-run.js';
import { packageVersion } from './version.js';
import { writtenConfiguration } from './written-configuration.js';

/**
 * Creates the directory of a run.
 * @throws MarlinError `ERR_RUN_DIRECTORY` when it holds another run, or cannot be had
 */
export async function createRunDirectory(directory: string): Promise<void> {
  await inDirectory(directory, async () => {
    await mkdir(directory, { recursive: true });
    const present = await readdir(directory);
    if (Object.values(runFiles).some((file) => present.includes(file))) {
      throw new MarlinError('ERR_RUN_DIRECTORY', `${directory} holds a run already; choose another directory.`);
    }
  });
}

/**
 * Writes the config.json of a run.
 * @throws MarlinError `ERR_RUN_DIRECTORY` when it cannot be written
 */
export async function writeConfiguration(directory: string, plan: RunPlan): Promise<void> {
  await inDirectory(directory, async () => {
    await writeWhole(join(directory, runFiles.configuration), configurationText(plan));
  });
}

/**
 * Makes the directory of a run ready to be gone on in from a checkpoint: records and checkpoints behind it are made
 * anew, and a schedule would not lead to where the run goes now.
 * @throws MarlinError `ERR_RUN_DIRECTORY` when it cannot be written, or records before that are missing or damaged
 */
export async function clearResumed(directory: string, from: Checkpoint): Promise<void> {
  const { epoch } = from.manifest;
  await inDirectory(directory, async () => {
    const path = join(directory, runFiles.metrics);
    const { episodes, iterations, lines } = await recordsUpTo(path, epoch);
    if (episodes < epoch)
      throw new Error(`${runFiles.metrics} holds the records of ${episodes} epochs, not of ${epoch}`);
    const { iteration } = from.manifest.monitor;
    if (iterations !== iteration)
      throw new Error(`${runFiles.metrics} holds ${iterations} iteration records, not ${iteration}`);
    await rm(join(directory, runFiles.schedule), { recursive: true, force: true });
    // Before the records: a checkpoint whose records are gone could not be gone on from.
    await removeNewer(directory, from);
    await writeWhole(path, lines);
  });
}

interface RecordLines {
  /** How many there are of the two kinds that every run writes. */
  readonly episodes: number;
  readonly iterations: number;
  readonly lines: Uint8Array;
}

/** The lines of metrics.jsonl up to an epoch, faults included. */
async function recordsUpTo(path: string, epoch: number): Promise<RecordLines> {
  const kept: Buffer[] = [];
  let [episodes, iterations, number] = [0, 0, 0];
  let damaged: number | undefined;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    number++;
    // The last line of a process that was killed may be cut off; behind any other there are some that were whole.
    if (damaged !== undefined) break;
    const record = parseRecord(line);
    const isNext = record?.kind !== 'episode' || record.episode > epoch || record.episode === episodes + 1;
    if (record === undefined || !isNext) {
      damaged = number;
      continue;
    }
    if (epochOf(record) > epoch) continue;
    if (record.kind === 'episode') episodes++;
    if (record.kind === 'iteration') iterations++;
    kept.push(Buffer.from(`${line}\n`));
  }
  if (damaged !== undefined && (damaged < number || episodes < epoch))
    throw new Error(`line ${damaged} of ${runFiles.metrics} is damaged`);
  return { episodes, iterations, lines: Buffer.concat(kept) };
}

/** Undefined where it is none. */
function parseRecord(line: string): TrainingRecord | undefined {
  try {
    const record = JSON.parse(line) as TrainingRecord | null;
    return record !== null && typeof epochOf(record) === 'number' ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Epochs that a run had behind it when it wrote a record. */
function epochOf(record: TrainingRecord): number {
  switch (record.kind) {
    case 'episode':
      return record.episode;
    case 'iteration':
    case 'evaluation':
      return record.episodes_total;
    case 'fault':
      return record.recovered ? 0 : Infinity;
    case 'done':
      return Infinity;
  }
}

async function inDirectory(directory: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (cause instanceof MarlinError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MarlinError('ERR_RUN_DIRECTORY', `The run directory ${directory} cannot be used: ${reason}`, { cause });
  }
}

/** The validated configuration with every default, and what the run's bits depend on besides. */
function configurationText(plan: RunPlan): string {
  const content = {
    marlin: packageVersion(),
    node: process.version,
    ...thisPlatform(),
    networkEngines: networkEngines(plan),
    configuration: writtenConfiguration(plan),
  };
  return `${settingsText(content, 2)}\n`;
}
