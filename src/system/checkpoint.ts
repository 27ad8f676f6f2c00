import { createHash } from 'node:crypto';
import { MarlinError } from '../errors.js';
import { runColumns } from '../metrics/epoch-row.js';
import type { Tensor } from '../export/safetensors.js';
import { firstFreeByte } from '../kernels/kernels.js';
import { LearnerState } from '../learner/learner-state.js';
import { readTensors } from '../network/parameter-layout.js';
import { initializeSampler } from './experience.js';
import type { PolicyPlan } from './policy-plan.js';
import type { MonitorState, RunMonitor } from './run-monitor.js';
import type { RunPlan } from './run-plan.js';
import type { RunShare } from './run-share.js';
import { kernelsOf, onlineParameters, trainStepsOf, turnsOf } from './run-share.js';
import { cutShort } from './recovery.js';
import { thisPlatform } from './saved-run.js';
import { settingsHash, writtenConfiguration } from './written-configuration.js';

// A checkpoint is a run at the end of an epoch: what lies in the policies' memories below the threads' own parts, byte for
// byte, and what the main thread knows. Environments and exploration begin each epoch from streams named by its number,
// so there is nothing of them to save.
// On disk: checkpoint-files.ts.

/** What manifest.json says. */
export interface Manifest {
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
