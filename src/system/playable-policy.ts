import { epsilonAt } from '../actor/exploration.js';
import type { AlgorithmContext } from '../algorithms/algorithm.js';
import { WeightCopier } from '../buffer/weight-copier.js';
import { runColumns } from '../metrics/epoch-row.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import type { PlayedAlgorithm } from './algorithm-modules.js';
import type { RunShare } from './run-share.js';
import { trainStepsOf } from './run-share.js';

/** A policy with weights of its own and no means to train it: what is evaluated and saved. Plain data. */
export interface PlayablePolicy extends PlayedAlgorithm {
  readonly id: string;
  /** Indices of its agents in the environment. */
  readonly agents: readonly number[];
  readonly context: AlgorithmContext;
  /** The parameter block, and the tensors in it. */
  readonly weights: SharedArrayBuffer;
  readonly parameters: readonly ParameterTensor[];
  readonly weightsVersion: number;
  /** Training steps done when the weights were taken. */
  readonly trainSteps: number;
  /** Share of random actions with which the run explores at the time; undefined where its algorithm has none. */
  readonly epsilon: number | undefined;
}

/**
 * Copies the newest published weights of every policy. In `sequential` no learner runs meanwhile, and the copies are
 * made before this returns.
 * @param row the actor's newest report
 */
export async function takeWeights(share: RunShare, row: Float64Array): Promise<PlayablePolicy[]> {
  const epochs = row[runColumns.epochs];
  const turns = row[runColumns.turns];
  return Promise.all(
    share.plan.policies.map(async (policy, index) => {
      const { id, agents, algorithmReference, algorithm, algorithmPlan, context } = policy;
      const { buffer } = share.policyMemories[index];
      const trainSteps = trainStepsOf(buffer, policy).value();
      const weights = new SharedArrayBuffer(policy.weights.bytes);
      const weightsVersion = await new WeightCopier(buffer, policy.weights).copy(new Uint8Array(weights));
      const epsilon = algorithmPlan.epsilon && epsilonAt(algorithmPlan.epsilon, epochs, turns);
      const { parameters } = algorithmPlan;
      return {
        id,
        agents,
        algorithmReference,
        algorithm,
        context,
        weights,
        parameters,
        weightsVersion,
        trainSteps,
        epsilon,
      };
    }),
  );
}
