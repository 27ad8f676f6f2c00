import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MarlinError } from '../errors.js';
import { kernelHash } from '../kernels/kernels.js';
import type { AlgorithmReference } from './algorithm-modules.js';
import { networkEngines } from './run-plan.js';
import type { RunPlan } from './run-plan.js';
import { packageVersion } from './version.js';

/** Names of a run's files. */
export const runFiles = { configuration: 'config.json', metrics: 'metrics.jsonl' } as const;

/**
 * Creates the directory of a run.
 * @throws MarlinError `ERR_RUN_DIRECTORY` when it holds another run, or cannot be had
 */
export async function createRunDirectory(directory: string): Promise<void> {
  await inDirectory(directory, async () => {
    await mkdir(directory, { recursive: true });
    const present = await readdir(directory);
    if (present.includes(runFiles.configuration) || present.includes(runFiles.metrics)) {
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

async function inDirectory(directory: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (cause instanceof MarlinError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MarlinError('ERR_RUN_DIRECTORY', `The run directory ${directory} cannot be used: ${reason}`, { cause });
  }
}

/** Writes a file so that its name never stands for half of it: temporary name, fsync, rename. */
async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.partial`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(text);
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

/** What agents and experiment say already is not said again: whoever changes one of the two would contradict the other. */
function optionsBesides({ environment, agents }: RunPlan): Readonly<Record<string, unknown>> {
  const said: Readonly<Record<string, unknown>> = { agents: agents.length, maxTurns: environment.maxTurns };
  return Object.fromEntries(Object.entries(environment.options).filter(([name, value]) => said[name] !== value));
}

function referenceOf(reference: AlgorithmReference): { readonly name: string } | { readonly module: string } {
  return typeof reference === 'string' ? { name: reference } : reference;
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
    networkEngines: networkEngines(plan),
    configuration: {
      environment: configuration.environment,
      environmentOptions: optionsBesides(plan),
      agents: plan.policies.map((policy) => ({
        id: policy.id,
        algorithm: { ...referenceOf(policy.algorithmReference), ...(policy.algorithm as object) },
        priority: policy.priority,
      })),
      experiment: { ...configuration.experiment, maxTurns: environment.maxTurns },
      parallel: configuration.parallel,
    },
  };
  // JSON has no Infinity; the schema takes the word.
  const text = JSON.stringify(content, (_, value: unknown) => (value === Infinity ? 'Infinity' : value), 2);
  return `${text}\n`;
}
