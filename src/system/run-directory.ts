import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MarlinError } from '../errors.js';
import { writtenAlgorithm } from './algorithm-modules.js';
import { runFiles, settingsText, writeWhole } from './run-files.js';
import { networkEngines } from './run-plan.js';
import type { RunPlan } from './run-plan.js';
import { thisPlatform } from './saved-run.js';
import { packageVersion } from './version.js';

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
 * Cuts metrics.jsonl off behind so many records: what came after a checkpoint is made anew.
 * @throws MarlinError `ERR_RUN_DIRECTORY` when it cannot be written, or holds fewer
 */
export async function cutRecords(directory: string, records: number): Promise<void> {
  await inDirectory(directory, async () => {
    const path = join(directory, runFiles.metrics);
    const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
    if (lines.length < records) throw new Error(`${runFiles.metrics} holds ${lines.length} records, not ${records}`);
    await writeWhole(
      path,
      lines
        .slice(0, records)
        .map((line) => `${line}\n`)
        .join(''),
    );
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

/** What agents and experiment say already is not said again: whoever changes one of the two would contradict the other. */
function optionsBesides({ environment, agents }: RunPlan): Readonly<Record<string, unknown>> {
  const said: Readonly<Record<string, unknown>> = { agents: agents.length, maxTurns: environment.maxTurns };
  return Object.fromEntries(Object.entries(environment.options).filter(([name, value]) => said[name] !== value));
}

/** The validated configuration with every default, and what the run's bits depend on besides. */
function configurationText(plan: RunPlan): string {
  const { configuration, environment } = plan;
  const content = {
    marlin: packageVersion(),
    node: process.version,
    ...thisPlatform(),
    networkEngines: networkEngines(plan),
    configuration: {
      environment: configuration.environment,
      environmentOptions: optionsBesides(plan),
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
