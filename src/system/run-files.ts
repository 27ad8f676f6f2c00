import { open, rename, rm } from 'node:fs/promises';

/** Names of a run's files. */
export const runFiles = {
  configuration: 'config.json',
  metrics: 'metrics.jsonl',
  weights: 'weights',
  schedule: 'schedule',
  checkpoints: 'checkpoints',
  trace: 'trace.json',
} as const;

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

/** Resolves once what has been written of a file, or the entries of a folder, would outlive a power cut. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Settings as JSON, which has no Infinity; the schema takes the word. */
export function settingsText(settings: unknown, indent?: number): string {
  return JSON.stringify(settings, (_, value: unknown) => (value === Infinity ? 'Infinity' : value), indent);
}
