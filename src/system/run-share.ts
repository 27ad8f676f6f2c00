import { sectionAlignment } from '../buffer/layout.js';
import { CommitFigures, commitFiguresWords } from '../buffer/commit-figures.js';
import type { ActorStart } from '../actor/actor.js';
import type { Pin } from '../buffer/weights.js';
import { WideCounter, wideCounterWords } from '../buffer/wide-counter.js';
import type { KernelMemory, KernelModule } from '../kernels/engine.js';
import type { Kernels } from '../kernels/kernels.js';
import { instantiateKernels } from '../kernels/kernels.js';
import { algorithmState, trainStepsWord } from '../learner/learner-state.js';
import { EpochRowShape } from '../metrics/epoch-row.js';
import type { PolicyPlan } from './policy-plan.js';
import type { RunPlan } from './run-plan.js';

/** A run as every thread holds it: the plan, and the memory that the plan lays out. It travels to every worker. */
export interface RunShare {
  readonly plan: RunPlan;
  readonly runMemory: SharedArrayBuffer;
  /** One per policy. */
  readonly policyMemories: readonly KernelMemory[];
  readonly kernelModule: KernelModule;
  /** Where a run that is resumed goes on; undefined at its beginning. */
  readonly start: ActorStart | undefined;
}

/** Training steps that a policy's learner has done. */
export function trainStepsOf(buffer: SharedArrayBuffer, policy: PolicyPlan): WideCounter {
  const words = new Int32Array(buffer, policy.learner.control, trainStepsWord + wideCounterWords);
  return new WideCounter(words, trainStepsWord);
}

/** What a policy's learner posts with each commit. */
export function figuresOf(buffer: SharedArrayBuffer, { learner }: PolicyPlan): CommitFigures {
  const { figures, figureCount } = learner;
  return new CommitFigures(new Int32Array(buffer, figures, commitFiguresWords(figureCount)), figureCount);
}

/** The shape of an actor's reports. */
export function epochRowShape(agentCount: number, policies: readonly PolicyPlan[]): EpochRowShape {
  return new EpochRowShape(
    agentCount,
    policies.map(({ learner }) => learner.figureCount),
  );
}

/** Whether actor and learners meet whenever training is owed. */
export function isLockstep({ configuration }: RunPlan): boolean {
  return configuration.parallel.execution === 'lockstep';
}

/**
 * Whether the configuration asks for a checkpoint after so many epochs: now and then, and at the last.
 * @param isAtGoal the run has the mean reward at which it is to end
 */
export function isCheckpointEpoch({ configuration }: RunPlan, epochs: number, isAtGoal: boolean): boolean {
  const { output, experiment } = configuration;
  if (output.directory === undefined) return false;
  return epochs % experiment.checkpointEvery === 0 || epochs === experiment.epochs || isAtGoal;
}

/** Lockstep: turns up to which a learner worker has done what it could. */
export function meetingOf(share: RunShare, worker: number): WideCounter {
  return new WideCounter(new Int32Array(share.runMemory, share.plan.memory.meetings[worker], wideCounterWords), 0);
}

/** Turns taken by an actor. */
export function turnsOf(share: RunShare, actor: number): WideCounter {
  return new WideCounter(new Int32Array(share.runMemory, share.plan.memory.turns[actor], wideCounterWords), 0);
}

/** The online parameters of a policy, as its learner has them. */
export function onlineParameters(share: RunShare, index: number): Uint8Array {
  const policy = share.plan.policies[index];
  const { buffer } = share.policyMemories[index];
  return new Uint8Array(buffer, algorithmState(policy.learner), policy.algorithmPlan.parameterCount * 4);
}

/** Kernels over a policy's memory, for the calling thread. */
export function kernelsOf(share: RunShare, index: number): Kernels {
  return instantiateKernels(share.kernelModule, share.policyMemories[index]);
}

/** Pins of a policy, one per actor. */
export function pinsOf(share: RunShare, policy: number): Pin[] {
  return share.plan.memory.pins.map((pins) => ({
    words: new Int32Array(share.runMemory, pins[policy], sectionAlignment / 4),
    index: 0,
  }));
}
