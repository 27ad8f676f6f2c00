import { mkdir, readdir } from 'node:fs/promises';
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
