import type { Algorithm, Trainer } from '../algorithms/algorithm.js';
import type { Kernels } from '../kernels/kernels.js';
import { algorithmState } from '../learner/learner-state.js';
import { loadAlgorithm } from './algorithm-modules.js';
import type { RunShare } from './run-share.js';

/** A run as one thread has opened it: with the algorithms of its policies, whose code cannot travel. */
export interface OpenRun extends RunShare {
  /** One per policy. */
  readonly algorithms: readonly Algorithm[];
}

export async function openRun(share: RunShare): Promise<OpenRun> {
  const algorithms = share.plan.policies.map(async ({ algorithmReference }) => loadAlgorithm(algorithmReference));
  return { ...share, algorithms: await Promise.all(algorithms) };
}

/** The training half of a policy's algorithm, on the learner's state in policy memory. */
export async function trainerOf(run: OpenRun, index: number, kernels: Kernels): Promise<Trainer> {
  const { algorithm, context, learner, trainerScratch } = run.plan.policies[index];
  return run.algorithms[index].createTrainer(algorithm, context, kernels, algorithmState(learner), trainerScratch);
}
