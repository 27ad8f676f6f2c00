import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigurationError } from '../errors.js';
import type { SettingsTree } from './settings-tree.js';

/**
 * Reads a configuration from a file: JSON (a configuration, or the `config.json` of an earlier run), or a JavaScript or
 * TypeScript module whose default export is one.
 * @throws ConfigurationError where the file is missing or holds no configuration
 */
export async function readConfigFile(file: string): Promise<SettingsTree> {
  const path = resolve(file);
  const content = extname(path) === '.json' ? await readJson(file, path) : await readModule(file, path);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ConfigurationError('--config', file, 'a file that holds a configuration object');
  }
  // config.json of a run wraps the configuration in what the run's bits depended on.
  const { configuration } = content as { readonly configuration?: unknown };
  const tree = typeof configuration === 'object' && configuration !== null ? configuration : content;
  return structuredCloneKeepingUrls(tree as SettingsTree);
}

async function readJson(file: string, path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw withCause(new ConfigurationError('--config', file, 'a file that can be read', messageOf(cause)), cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw withCause(new ConfigurationError('--config', file, 'valid JSON', messageOf(cause)), cause);
  }
}

async function readModule(file: string, path: string): Promise<unknown> {
  const url = pathToFileURL(path).href;
  try {
    const loaded = (await importAny(url)) as { readonly default?: unknown };
    return loaded.default;
  } catch (cause) {
    throw withCause(new ConfigurationError('--config', file, 'a module that can be loaded', messageOf(cause)), cause);
  }
}

/** Imports JavaScript, and TypeScript where Node itself or an installed `tsx` can. */
async function importAny(url: string): Promise<unknown> {
  try {
    return await import(url);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
  }
  let tsx: string;
  try {
    tsx = createRequire(url).resolve('tsx/esm/api');
  } catch {
    throw new Error('to load TypeScript, this version of Node needs the package tsx beside your files');
  }
  const { tsImport } = (await import(pathToFileURL(tsx).href)) as {
    tsImport(specifier: string, parent: string): Promise<unknown>;
  };
  return tsImport(url, import.meta.url);
}

/** Flags change the tree; the module's own object stays as it is. */
function structuredCloneKeepingUrls(tree: SettingsTree): SettingsTree {
  const { environment, ...rest } = tree;
  const copy = structuredClone(rest);
  return environment === undefined ? copy : { ...copy, environment };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function withCause(error: ConfigurationError, cause: unknown): ConfigurationError {
  error.cause = cause;
  return error;
}
