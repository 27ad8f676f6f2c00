import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MarlinError } from '../errors.js';
import { kernelHash } from '../kernels/kernels.js';
import type { MarlConfiguration } from './configuration.js';
import { runFiles } from './run-files.js';

/** What config.json says of a run. */
export interface SavedRun {
  /** As a user would write it; every default filled in. */
  readonly configuration: MarlConfiguration;
  /** Ids of its agents. */
  readonly agents: readonly string[];
  /** Version of the package that made the run. */
  readonly writtenBy: string;
  /** What the bits of the run depend on besides. */
  readonly platform: RunPlatform;
}

export interface RunPlatform {
  /** The JavaScript engine and its version. */
  readonly engine: string;
  readonly architecture: string;
  /** SHA-256 of the kernels, hexadecimal. */
  readonly kernels: string;
}

/** What a run that is made now depends on. */
export function thisPlatform(): RunPlatform {
  return { engine: `v8 ${process.versions.v8}`, architecture: process.arch, kernels: kernelHash() };
}

/** @throws MarlinError `ERR_RUN_DIRECTORY` where the directory holds no run, or its config.json is damaged */
export async function savedRun(directory: string): Promise<SavedRun> {
  const path = join(directory, runFiles.configuration);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '');
    const message = isMissing
      ? `${directory} holds no run: there is no ${runFiles.configuration} in it.`
      : `${path} cannot be read: ${(cause as Error).message}`;
    throw new MarlinError('ERR_RUN_DIRECTORY', message, { cause });
  }
  try {
    const { marlin, configuration, engine, architecture, kernels } = JSON.parse(text) as RunPlatform & {
      readonly marlin: unknown;
      readonly configuration: MarlConfiguration;
    };
    const agents = (configuration.agents as readonly { readonly id: unknown }[]).map(({ id }) => String(id));
    return { configuration, agents, writtenBy: String(marlin), platform: { engine, architecture, kernels } };
  } catch (cause) {
    throw new MarlinError('ERR_RUN_DIRECTORY', `${path} is damaged: it is not what a run writes.`, { cause });
  }
}
