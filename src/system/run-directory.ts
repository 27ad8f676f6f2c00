import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MarlinError } from '../errors.js';
import { kernelHash } from '../kernels/kernels.js';
import { writtenAlgorithm } from './algorithm-modules.js';
import type { RunPlan } from './run-plan.js';
import { packageVersion } from './version.js';

/** Names of a run's files. */
export const runFiles = { configuration: 'config.json', metrics: 'metrics.jsonl', weights: 'weights' } as const;

/**
 * Creates the directory of a run and writes its config.json.
 * @throws MarlinError `ERR_RUN_DIRECTORY` when it holds another run, or cannot be written
 */
export async function createRunDirectory(directory: string, plan: RunPlan): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    const present = await readdir(directory);
    if (Object.values(runFiles).some((file) => present.includes(file))) {
      throw new MarlinError('ERR_RUN_DIRECTORY', `${directory} holds a run already; choose another directory.`);
    }
    await writeWhole(join(directory, runFiles.configuration), configurationText(plan));
  } catch (cause) {
    if (cause instanceof MarlinError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MarlinError('ERR_RUN_DIRECTORY', `The run directory ${directory} cannot be used: ${reason}`, { cause });
  }
}

/** Writes a file so that its name never stands for half of it: temporary name, fsync, rename. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.partial`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The validated configuration with every default, and what the run's bits depend on besides. */
function configurationText(plan: RunPlan): string {
  const { configuration, environment } = plan;
  const content = {
    marlin: packageVersion(),
    node: process.version,
    engine: `v8 ${process.versions.v8}`,
    architecture: process.arch,
    kernels: kernelHash(),
    configuration: {
      environment: configuration.environment,
      environmentOptions: environment.options,
      agents: plan.policies.map((policy) => ({
        id: policy.id,
        algorithm: writtenAlgorithm(policy),
        priority: policy.priority,
      })),
      experiment: { ...configuration.experiment, maxTurns: environment.maxTurns },
      parallel: configuration.parallel,
    },
  };
  return `${settingsText(content, 2)}\n`;
}

/** Settings as JSON, which has no Infinity; the schema takes the word. */
export function settingsText(settings: unknown, indent?: number): string {
  return JSON.stringify(settings, (_, value: unknown) => (value === Infinity ? 'Infinity' : value), indent);
}
