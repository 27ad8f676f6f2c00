import { availableParallelism } from 'node:os';
import type { AgentSpec } from '../environment/environment.js';
import { MarlinError } from '../errors.js';
import { writeTensors } from '../network/parameter-layout.js';
import { loadAlgorithm } from './algorithm-modules.js';
import type { ResolvedConfiguration } from './configuration.js';
import { resolveConfiguration } from './configuration.js';
import { createEnvironment, planEnvironment, plainSpecs } from './environments.js';
import type { EvaluationOptions, EvaluationSummary } from './evaluation.js';
import { evaluatePlan, resolveEvaluationOptions } from './evaluation.js';
import { EvaluationPool } from './evaluation-pool.js';
import type { EvaluationPlan } from './evaluation-task.js';
import { freeze } from './frozen-agents.js';
import type { PlayablePolicy } from './playable-policy.js';
import { rateOf } from './policy-plan.js';
import type { SavedRun } from './saved-run.js';
import { savedRun } from './saved-run.js';
import { packageVersion } from './version.js';
import { readWeights } from './weight-files.js';

/**
 * Evaluates the weights that an earlier run left in its directory, in the environment of that run.
 * @throws MarlinError `ERR_RUN_DIRECTORY` where there is no run, or one that this version cannot read;
 * `ERR_TENSOR_FILE` where its weights are missing, damaged, or do not fit this version of their algorithm
 */
export async function evaluateRun(directory: string, options: EvaluationOptions = {}): Promise<EvaluationSummary> {
  const configuration = configurationOf(await savedRun(directory), directory);
  const resolved = resolveEvaluationOptions(options, configuration.experiment.seed);
  const plan = await planOf(directory, configuration);
  const pool = new EvaluationPool(resolved.threads ?? availableParallelism());
  try {
    return await evaluatePlan(pool, plan, resolved);
  } finally {
    await pool.close();
  }
}

/** @throws MarlinError `ERR_RUN_DIRECTORY` where this version cannot read the configuration of a run */
export function configurationOf({ configuration, writtenBy }: SavedRun, directory: string): ResolvedConfiguration {
  try {
    return resolveConfiguration(configuration);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const versions = `Marlin ${writtenBy} made it, this is ${packageVersion()}`;
    const message = `The configuration of ${directory} is none of this version (${versions}): ${reason}`;
    throw new MarlinError('ERR_RUN_DIRECTORY', message, { cause });
  }
}

async function planOf(directory: string, configuration: ResolvedConfiguration): Promise<EvaluationPlan> {
  const { agentCount, experiment } = configuration;
  const request = { agentCount, maxTurns: experiment.maxTurns };
  const environment = await planEnvironment(configuration.environment, configuration.environmentOptions, request);
  const made = await createEnvironment(environment);
  const agents = plainSpecs(made.agents);
  made.dispose?.();
  const policies = agents.map(async (agent, index) => playablePolicy(directory, configuration, agent, index));
  return { environment, agents, policies: await Promise.all(policies) };
}

async function playablePolicy(
  directory: string,
  { parallel }: ResolvedConfiguration,
  agent: AgentSpec,
  index: number,
): Promise<PlayablePolicy> {
  const saved = await readWeights(directory, agent.id);
  const frozen = await freeze(saved, { run: directory, agent: agent.id });
  const algorithm = await loadAlgorithm(frozen.algorithmReference);
  const context = { agent, batchSize: parallel.batchSize, rate: rateOf(parallel) };
  const { parameters, parameterCount } = await algorithm.plan(frozen.algorithm, context);
  const weights = new SharedArrayBuffer(parameterCount * 4);
  writeTensors(new Float32Array(weights), parameters, saved.tensors);
  const { weightsVersion, trainSteps, epsilon } = saved;
  return {
    id: agent.id,
    agents: [index],
    ...frozen,
    context,
    weights,
    parameters,
    weightsVersion,
    trainSteps,
    epsilon,
  };
}
