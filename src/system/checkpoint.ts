import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MarlinError } from '../errors.js';
import { runColumns } from '../metrics/epoch-row.js';
import { decodeSafetensors, encodeSafetensors, hashKey } from '../export/safetensors.js';
import type { Tensor } from '../export/safetensors.js';
import { firstFreeByte } from '../kernels/kernels.js';
import { LearnerState } from '../learner/learner-state.js';
import { readTensors } from '../network/parameter-layout.js';
import { initializeSampler } from './experience.js';
import type { PolicyPlan } from './policy-plan.js';
import { runFiles, writeWhole } from './run-files.js';
import type { MonitorState, RunMonitor } from './run-monitor.js';
import type { RunPlan } from './run-plan.js';
import type { RunShare } from './run-share.js';
import { kernelsOf, onlineParameters, trainStepsOf, turnsOf } from './run-share.js';
import { cutShort } from './recovery.js';
import { thisPlatform } from './saved-run.js';
import { fileNameOf } from './weight-files.js';
import { settingsHash, writtenConfiguration } from './written-configuration.js';

// A checkpoint is a run at the end of an epoch: what lies in the policies' memories below the threads' own parts, byte for
// byte, and what the main thread knows. Environments and exploration begin each epoch from streams named by its number,
// so there is nothing of them to save.
//
//   checkpoints/00000100/manifest.json     how far the run was, what memory looks like, a checksum
//   checkpoints/00000100/<agent>.safetensors   parameters by name; learner, rings and weights as bytes

/** What manifest.json says. */
interface Manifest {
  readonly format: 1;
  readonly epoch: number;
  /** Turns up to the end of that epoch, and those for which training was owed: more where a run was stopped inside one. */
  readonly turns: number;
  readonly countedTurns: number;
  /**
   * Whether the run was stopped inside the epoch that follows, or behind what it still owed: one that goes on plays that
   * epoch once more, by other weights.
   */
  readonly isInside: boolean;
  readonly monitor: MonitorState;
  /** What the bits depend on besides; a run goes on elsewhere, but not by the same bits. */
  readonly platform: ReturnType<typeof thisPlatform>;
  /** Of what config.json said: see `settingsHash`. */
  readonly settings: string;
  /** Of each agent, in the order of the plan: what its memory looks like. */
  readonly layouts: readonly (readonly [agent: string, layout: string])[];
}

/** A checkpoint in memory. */
export interface Checkpoint {
  readonly manifest: Manifest;
  /** One per policy, in the order of the plan. */
  readonly policies: readonly { readonly id: string; readonly tensors: readonly Tensor[] }[];
}

/** The parts of a policy's memory that outlive its threads: first byte and the one behind the last. */
function regionsOf({ learner, weights, durableEnd }: PolicyPlan): Readonly<Record<string, readonly [number, number]>> {
  const learnerEnd = learner.committed + learner.bytes;
  return {
    learner: [firstFreeByte, learnerEnd],
    rings: [learnerEnd, weights.control],
    weights: [weights.control, durableEnd],
  };
}

/** Tells memories apart whose bytes would mean something else. */
function layoutOf({ learner, rings, weights, durableEnd, algorithmPlan }: PolicyPlan): string {
  const { parameters, experience, metricNames } = algorithmPlan;
  const layout = { learner, rings, weights, durableEnd, parameters, experience, metricNames };
  return createHash('sha256').update(JSON.stringify(layout)).digest('hex');
}

/**
 * Copies a run as it is. Nothing may write to it meanwhile: the actor waits at its report, learners are held.
 * @param isInside the run has ended, inside an epoch
 */
export function takeCheckpoint(share: RunShare, monitor: RunMonitor, isInside: boolean): Checkpoint {
  const { policies } = share.plan;
  const turns = monitor.turnsOfEpochs;
  const { checkpointRings } = share.plan.configuration.output;
  return {
    manifest: {
      format: 1,
      epoch: monitor.epochs,
      turns,
      // An actor counts a turn once its report has been taken; one on the calling thread counts for itself.
      countedTurns: Math.max(turns, turnsOf(share, 0).value(), monitor.lastRow[runColumns.turns]),
      isInside,
      monitor: monitor.state(),
      platform: thisPlatform(),
      settings: settingsHash(writtenConfiguration(share.plan)),
      layouts: policies.map((policy) => [policy.id, layoutOf(policy)]),
    },
    policies: policies.map((policy, index) => {
      const memory = new Uint8Array(share.policyMemories[index].buffer);
      // Half a rollout is of no use without the other half: its learner would wait for rows, and its actor for the learner.
      const hasRings = checkpointRings || policy.algorithmPlan.experience.kind === 'rollout';
      const regions = Object.entries(regionsOf(policy)).filter(([name]) => hasRings || name !== 'rings');
      const parameters = onlineParameters(share, index).slice();
      return {
        id: policy.id,
        tensors: [
          ...readTensors(new Float32Array(parameters.buffer), policy.algorithmPlan.parameters),
          ...regions.map(([name, [first, end]]): Tensor => {
            return { name: `marlin.${name}`, shape: [end - first], values: memory.slice(first, end) };
          }),
        ],
      };
    }),
  };
}

/** Puts a checkpoint into the memory of a run that has not begun. */
export function restoreCheckpoint(share: RunShare, { manifest, policies }: Checkpoint): void {
  turnsOf(share, 0).set(manifest.countedTurns);
  for (const [index, policy] of share.plan.policies.entries()) {
    const { buffer } = share.policyMemories[index];
    const memory = new Uint8Array(buffer);
    const { tensors } = policies[index];
    for (const [name, [first]] of Object.entries(regionsOf(policy))) {
      const values = tensors.find((tensor) => tensor.name === `marlin.${name}`)?.values;
      if (values !== undefined) memory.set(values as Uint8Array, first);
      // Without its rows, what a sampler knows of them means nothing.
      else initializeSampler(buffer, policy.algorithmPlan.experience, policy.rings, policy.learner.sampler);
    }
    cutShort(share, index, 0);
    if (manifest.isInside) goBackToCommit(share, index);
  }
}

/** A run that was stopped may have been in the middle of the steps on a rollout. */
function goBackToCommit(share: RunShare, index: number): void {
  const policy = share.plan.policies[index];
  const { buffer } = share.policyMemories[index];
  const state = new LearnerState(buffer, policy.learner, kernelsOf(share, index));
  state.recover();
  trainStepsOf(buffer, policy).set(state.savedProgress().trainSteps);
}

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
    await syncFolder(join(directory, runFiles.checkpoints));
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

/** A folder's entries are on the disk only once the folder itself is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
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

/** @throws MarlinError `ERR_CHECKPOINT` where the memory of this plan would mean something else */
export function checkLayouts({ manifest }: Checkpoint, { policies }: RunPlan, directory: string): void {
  const { layouts } = manifest;
  const other = policies.find(
    (policy, index) => policy.id !== layouts.at(index)?.[0] || layoutOf(policy) !== layouts.at(index)?.[1],
  );
  if (other === undefined && layouts.length === policies.length) return;
  const whom = other?.id ?? 'the agents';
  const message = `The checkpoint of epoch ${manifest.epoch} in ${directory} does not fit: ${whom} would now have another network, ring or algorithm.`;
  throw new MarlinError('ERR_CHECKPOINT', message);
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
