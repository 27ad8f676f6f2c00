import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MarlinError } from '../errors.js';
import { decodeSafetensors, encodeSafetensors, hashKey } from '../export/safetensors.js';
import type { Checkpoint, Manifest } from './checkpoint.js';
import { runFiles, syncToDisk, writeWhole } from './run-files.js';
import { fileNameOf } from './weight-files.js';

//   checkpoints/00000100/manifest.json         how far the run was, what memory looks like, a checksum
//   checkpoints/00000100/<agent>.safetensors   parameters by name; learner, rings and weights as bytes
//   checkpoints/00000103-inside/…              of a run that was stopped inside epoch 104
//   checkpoints/00000150.partial/…             being written, or left by a process that was killed

/** Which checkpoint of a run. */
type CheckpointName = Pick<Manifest, 'epoch' | 'isInside'>;

const insideSuffix = '-inside';

function folderOf(directory: string, { epoch, isInside }: CheckpointName): string {
  return join(directory, runFiles.checkpoints, `${String(epoch).padStart(8, '0')}${isInside ? insideSuffix : ''}`);
}

/** Writes a checkpoint aside and renames it, then removes all but the `keep` newest. */
export async function writeCheckpoint(directory: string, checkpoint: Checkpoint, keep: number): Promise<void> {
  const folder = folderOf(directory, checkpoint.manifest);
  const aside = `${folder}.partial`;
  try {
    await rm(aside, { recursive: true, force: true });
    await mkdir(aside, { recursive: true });
    for (const { id, tensors } of checkpoint.policies) {
      const metadata = { agent: id, epoch: String(checkpoint.manifest.epoch) };
      await writeWhole(join(aside, `${fileNameOf(id)}.safetensors`), encodeSafetensors({ tensors, metadata }));
    }
    await writeWhole(join(aside, 'manifest.json'), manifestText(checkpoint.manifest));
    await rm(folder, { recursive: true, force: true });
    await rename(aside, folder);
    // A folder's entries are on the disk only once the folder itself is.
    await syncToDisk(join(directory, runFiles.checkpoints));
    await removeOld(directory, keep);
  } catch (cause) {
    await rm(aside, { recursive: true, force: true }).catch(() => {});
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MarlinError('ERR_CHECKPOINT', `The checkpoint ${folder} could not be written: ${reason}`, { cause });
  }
}

/** Those inside epochs are not counted, and are of no use once there is a newer one. */
async function removeOld(directory: string, keep: number): Promise<void> {
  const names = await checkpointNames(directory);
  const whole = names.filter(({ isInside }) => !isInside);
  const old = [
    ...whole.slice(0, Math.max(0, whole.length - keep)),
    ...names.slice(0, -1).filter(({ isInside }) => isInside),
  ];
  for (const name of old) await rm(folderOf(directory, name), { recursive: true, force: true });
}

/**
 * Removes what a run has written behind a checkpoint that it goes on from, and what a process that was killed left half
 * written: it is another run from there on.
 */
export async function removeNewer(directory: string, { manifest }: Checkpoint): Promise<void> {
  const kept = folderOf(directory, manifest);
  const entries = await readdir(join(directory, runFiles.checkpoints));
  for (const entry of entries) {
    const folder = join(directory, runFiles.checkpoints, entry);
    const isOlder = Number.parseInt(entry, 10) <= manifest.epoch && /^\d+$/.test(entry);
    if (folder !== kept && !isOlder) await rm(folder, { recursive: true, force: true });
  }
}

/** The checkpoints of a run that were written to the end, oldest first. */
async function checkpointNames(directory: string): Promise<CheckpointName[]> {
  const entries = await readdir(join(directory, runFiles.checkpoints)).catch((): string[] => []);
  return entries
    .filter((entry) => /^\d+(-inside)?$/.test(entry))
    .map((entry) => ({ epoch: Number.parseInt(entry, 10), isInside: entry.endsWith(insideSuffix) }))
    .toSorted((left, right) => left.epoch - right.epoch || Number(left.isInside) - Number(right.isInside));
}

/** In words. */
function told({ epoch, isInside }: CheckpointName): string {
  return isInside ? `inside epoch ${epoch + 1}` : `of epoch ${epoch}`;
}

/**
 * Reads a checkpoint of a run.
 * @param isExact whether the same bits are to follow: one inside an epoch is then taken only where there is no other
 * @param epoch default: the newest
 * @throws MarlinError `ERR_CHECKPOINT` where there is none, or it is damaged: then with the one before it
 */
export async function readCheckpoint(directory: string, isExact: boolean, epoch?: number): Promise<Checkpoint> {
  const names = await checkpointNames(directory);
  const newest = (isExact ? names.findLast(({ isInside }) => !isInside) : undefined) ?? names.at(-1);
  const chosen = epoch === undefined ? newest : names.find((name) => name.epoch === epoch);
  if (chosen === undefined) {
    const others = names.length === 0 ? 'it has none' : `it has those ${names.map(told).join(', ')}`;
    const which = epoch === undefined ? 'no checkpoint' : `no checkpoint of epoch ${epoch}`;
    throw new MarlinError('ERR_CHECKPOINT', `${directory} has ${which}: ${others}.`);
  }
  const folder = folderOf(directory, chosen);
  try {
    const manifest = parseManifest(await readFile(join(folder, 'manifest.json'), 'utf8'));
    if (told(manifest) !== told(chosen)) throw new Error(`its manifest is that ${told(manifest)}`);
    const policies = manifest.layouts.map(async ([id]) => {
      const path = join(folder, `${fileNameOf(id)}.safetensors`);
      const { tensors, metadata } = decodeSafetensors(await readFile(path), path);
      if (metadata[hashKey] === undefined) throw new Error(`${path} has no hash of itself`);
      const isOwn = metadata['agent'] === id && Number(metadata['epoch']) === chosen.epoch;
      if (!isOwn) throw new Error(`${path} is another one's`);
      return { id, tensors };
    });
    return { manifest, policies: await Promise.all(policies) };
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
    const before = names[names.indexOf(chosen) - 1] as CheckpointName | undefined;
    const offer =
      before === undefined
        ? 'There is none before it.'
        : `The one before it is that ${told(before)}: --checkpoint ${before.epoch}.`;
    throw new MarlinError('ERR_CHECKPOINT', `The checkpoint ${folder} is damaged: ${reason}. ${offer}`, { cause });
  }
}

function manifestText(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, checksum: checksumOf(manifest) }, undefined, 1)}\n`;
}

function parseManifest(text: string): Manifest {
  const { checksum, ...manifest } = JSON.parse(text) as Manifest & { readonly checksum: unknown };
  if (checksum !== checksumOf(manifest)) throw new Error('manifest.json does not match its checksum');
  return manifest;
}

function checksumOf(manifest: Manifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}
