import { availableParallelism } from 'node:os';
import type { ByteQueuePlan } from '../buffer/byte-queue.js';
import { planByteQueue } from '../buffer/byte-queue.js';
import { Layout } from '../buffer/layout.js';
import { sectionAlignment } from '../buffer/layout.js';
import type { LossyQueuePlan } from '../buffer/lossy-queue.js';
import { planLossyQueue } from '../buffer/lossy-queue.js';
import type { RecordQueuePlan } from '../buffer/record-queue.js';
import { planRecordQueue } from '../buffer/record-queue.js';
import { WorkerControl } from '../buffer/worker-control.js';
import type { AgentSpec } from '../environment/environment.js';
import { ConfigurationError } from '../errors.js';
import { traceWidth } from '../metrics/trace-event.js';
import { parseSetting } from '../validation.js';
import { isFromModule, loadAlgorithm } from './algorithm-modules.js';
import type { AgentSettings, ResolvedConfiguration } from './configuration.js';
import type { EnvironmentPlan } from './environments.js';
import { plainSpecs } from './environments.js';
import { withFrozenWeights } from './frozen-agents.js';
import type { PolicyPlan } from './policy-plan.js';
import { planPolicy } from './policy-plan.js';
import { epochRowShape } from './run-share.js';

/** Rows of the queue that carries an actor's reports: minutes of epochs, should the main thread be busy. */
const reportCapacity = 4_096;
/** Bytes of a thread's queue of scheduled events: seconds of the fastest runs. */
const scheduleCapacity = 1 << 18;
/** Events of a thread's trace that the main thread has not taken yet: tenths of a second of the fastest runs. */
const traceCapacity = 1 << 15;

/**
 * The memory that does not belong to any policy: byte offsets in one SharedArrayBuffer.
 *
 * ```
 * main doorbell │ control of actor 0… │ control of learner 0… │ turns of actor 0… │ meetings of learner 0… │
 * pins [actor][policy] │ reports │ schedules │ traces
 * ```
 * Every entry has a 128-byte line of its own.
 */
export interface RunMemoryPlan {
  readonly bytes: number;
  readonly mainDoorbell: number;
  readonly actorControls: readonly number[];
  readonly learnerControls: readonly number[];
  readonly turns: readonly number[];
  /** Lockstep: turns up to which each learner worker has done what it could. */
  readonly meetings: readonly number[];
  /** Pin of (actor, policy), at `pins[actor][policy]`. */
  readonly pins: readonly (readonly number[])[];
  readonly reports: readonly RecordQueuePlan[];
  /** Where threads write down what makes the run repeatable; undefined where it is not recorded. */
  readonly schedules: SchedulesPlan | undefined;
  /** What threads tell of themselves; undefined where the run is not traced, or has but one thread. */
  readonly traces: TracesPlan | undefined;
}

/** One queue per thread. */
export interface SchedulesPlan {
  readonly actors: readonly ByteQueuePlan[];
  readonly learners: readonly ByteQueuePlan[];
}

/** One queue per thread. */
export interface TracesPlan {
  readonly actors: readonly LossyQueuePlan[];
  readonly learners: readonly LossyQueuePlan[];
}

/** All that threads must agree on before a run. Plain data: it travels to every worker. */
export interface RunPlan {
  readonly configuration: ResolvedConfiguration;
  readonly environment: EnvironmentPlan;
  readonly agents: readonly AgentSpec[];
  readonly policies: readonly PolicyPlan[];
  /** Indices of the policies that each learner worker serves. */
  readonly learnerWorkers: readonly (readonly number[])[];
  readonly memory: RunMemoryPlan;
}

/** What computes the network of each policy, by its id. */
export function networkEngines({ policies }: RunPlan): Readonly<Record<string, string>> {
  return Object.fromEntries(policies.map(({ id, algorithmPlan }) => [id, algorithmPlan.engine ?? 'kernels']));
}

const actorCount = 1;

/**
 * Plans a run for an environment's agents.
 * @throws ConfigurationError where agents and configuration disagree, or memory does not suffice
 */
export async function planRun(
  configuration: ResolvedConfiguration,
  environment: EnvironmentPlan,
  specs: readonly AgentSpec[],
): Promise<RunPlan> {
  const agents = plainSpecs(specs);
  checkAgentSettings(configuration, agents);
  const policies: PolicyPlan[] = [];
  for (const [index, agent] of agents.entries()) {
    const given = settingsOf(configuration, agent, index);
    const entry = configuration.agents.length === 1 ? 'agents' : `agents.${configuration.agents.indexOf(given)}`;
    const settings = await withFrozenWeights(given, agent, `${entry}.algorithm`);
    const { algorithmReference } = settings;
    const algorithm = await loadAlgorithm(algorithmReference);
    // Of a user's module, the schema is known only now.
    const complete = isFromModule(algorithmReference)
      ? { ...settings, algorithm: parseSetting(algorithm.schema, settings.algorithm, 'agents.algorithm') }
      : settings;
    policies.push(await planPolicy(configuration, complete, algorithm, agent, index, actorCount));
  }
  const learnerWorkers = assignPolicies(configuration, policies.length);
  return {
    configuration,
    environment,
    agents,
    policies,
    learnerWorkers,
    memory: planRunMemory(
      policies.length,
      learnerWorkers.length,
      epochRowShape(agents.length, policies).width,
      isRecorded(configuration),
      isTracedByThreads(configuration),
    ),
  };
}

function checkAgentSettings(configuration: ResolvedConfiguration, agents: readonly AgentSpec[]): void {
  const { agents: entries, agentCount } = configuration;
  const known = agents.map(({ id }) => id).join(', ');
  if (agentCount !== undefined && agentCount !== agents.length) {
    const bound = `${agents.length}, the number that the environment has`;
    throw new ConfigurationError('agents.count', agentCount, bound, known);
  }
  entries.forEach(({ id }, index) => {
    if (id !== undefined && !agents.some((agent) => agent.id === id)) {
      throw new ConfigurationError(`agents.${index}.id`, id, `one of ${known}`);
    }
  });
}

/** The settings that name the agent, or else those in its place, or else those for all. */
function settingsOf(configuration: ResolvedConfiguration, agent: AgentSpec, index: number): AgentSettings {
  const { agents: entries } = configuration;
  const named = entries.find((entry) => entry.id === agent.id);
  if (named !== undefined) return named;
  const entry = entries.length === 1 ? entries[0] : entries[index];
  if (entry.id !== undefined) {
    throw new ConfigurationError(`agents.${index}.id`, entry.id, 'left out, or given for every agent');
  }
  return entry;
}

function assignPolicies(configuration: ResolvedConfiguration, policyCount: number): number[][] {
  const { learnerWorkers } = configuration.parallel;
  const wanted = learnerWorkers === 'auto' ? availableParallelism() : learnerWorkers;
  const workers = Math.min(policyCount, wanted);
  return Array.from({ length: workers }, (_, worker) =>
    Array.from({ length: policyCount }, (__, policy) => policy).filter((policy) => policy % workers === worker),
  );
}

/** Only what depends on the speed of threads need be written down. */
function isRecorded({ parallel, output }: ResolvedConfiguration): boolean {
  return parallel.execution === 'async' && output.directory !== undefined && output.schedule;
}

function isTracedByThreads({ parallel, output }: ResolvedConfiguration): boolean {
  return parallel.execution !== 'sequential' && output.directory !== undefined && output.trace;
}

/** @param reportWidth columns of an actor's report */
function planRunMemory(
  policyCount: number,
  learnerCount: number,
  reportWidth: number,
  isRecordedRun: boolean,
  isTracedRun: boolean,
): RunMemoryPlan {
  const layout = new Layout();
  const line = (): number => layout.reserve(sectionAlignment);
  const queues = (count: number): ByteQueuePlan[] =>
    Array.from({ length: count }, () => planByteQueue(layout, scheduleCapacity));
  const traces = (count: number): LossyQueuePlan[] =>
    Array.from({ length: count }, () => planLossyQueue(layout, traceWidth, traceCapacity));
  const lines = (count: number): number[] => Array.from({ length: count }, line);
  const plan = {
    mainDoorbell: line(),
    actorControls: Array.from({ length: actorCount }, () => WorkerControl.reserve(layout)),
    learnerControls: Array.from({ length: learnerCount }, () => WorkerControl.reserve(layout)),
    turns: lines(actorCount),
    meetings: lines(learnerCount),
    pins: Array.from({ length: actorCount }, () => lines(policyCount)),
    reports: Array.from({ length: actorCount }, () => planRecordQueue(layout, reportWidth, reportCapacity)),
    schedules: isRecordedRun ? { actors: queues(actorCount), learners: queues(learnerCount) } : undefined,
    traces: isTracedRun ? { actors: traces(actorCount), learners: traces(learnerCount) } : undefined,
  };
  return { ...plan, bytes: layout.end };
}
