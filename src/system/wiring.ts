import { Actor } from '../actor/actor.js';
import { AgentPlayer } from '../actor/agent-player.js';
import { AgentSeat } from '../actor/agent-seat.js';
import { PolicyLink } from '../actor/policy-link.js';
import type { Algorithm, Trainer } from '../algorithms/algorithm.js';
import { CommitFigures, commitFiguresWords } from '../buffer/commit-figures.js';
import { sectionAlignment } from '../buffer/layout.js';
import { initializeRings, ringControlView } from '../buffer/ring-plan.js';
import { RingWriter } from '../buffer/ring-writer.js';
import type { Pin } from '../buffer/weights.js';
import { createPublisher, createReader, initializeWeights } from '../buffer/weight-slots.js';
import { WideCounter, wideCounterWords } from '../buffer/wide-counter.js';
import type { TurnEnvironment } from '../environment/environment.js';
import type { KernelMemory, KernelModule } from '../kernels/engine.js';
import type { Kernels } from '../kernels/kernels.js';
import { createKernelMemory, instantiateKernels, kernelModule } from '../kernels/kernels.js';
import { Learner } from '../learner/learner.js';
import { LearnerState, algorithmState, committedParameters, trainStepsWord } from '../learner/learner-state.js';
import { RandomStream } from '../random.js';
import { loadAlgorithm } from './algorithm-modules.js';
import { checkSameAgents } from './environments.js';
import { createSampler, initializeSampler, readinessOf } from './experience.js';
import type { PolicyPlan } from './policy-plan.js';
import { epochRowShape } from './policy-plan.js';
import type { RunPlan } from './run-plan.js';
import { isLockstep } from './run-plan.js';

/** A run as every thread holds it: the plan, and the memory that the plan lays out. Passes through `workerData`. */
export interface RunShare {
  readonly plan: RunPlan;
  readonly runMemory: SharedArrayBuffer;
  /** One per policy. */
  readonly policyMemories: readonly KernelMemory[];
  readonly kernelModule: KernelModule;
}

/** A run as one thread has opened it: with the algorithms of its policies, whose code cannot travel. */
export interface OpenRun extends RunShare {
  /** One per policy. */
  readonly algorithms: readonly Algorithm[];
}

export async function openRun(share: RunShare): Promise<OpenRun> {
  const algorithms = share.plan.policies.map(async ({ algorithmReference }) => loadAlgorithm(algorithmReference));
  return { ...share, algorithms: await Promise.all(algorithms) };
}

/** Allocates all memory of a run and writes the untrained state of every policy as version 0. */
export async function allocateRun(plan: RunPlan): Promise<RunShare> {
  const share: RunShare = {
    plan,
    runMemory: new SharedArrayBuffer(plan.memory.bytes),
    policyMemories: plan.policies.map((policy) => createKernelMemory(policy.bytes)),
    kernelModule: kernelModule(),
  };
  const run = await openRun(share);
  for (const index of plan.policies.keys()) await initializePolicy(run, index);
  return share;
}

async function initializePolicy(run: OpenRun, index: number): Promise<void> {
  const { seed } = run.plan.configuration.experiment;
  const policy = run.plan.policies[index];
  const kernels = kernelsOf(run, index);
  const buffer = kernels.memory.buffer;
  initializeRings(buffer, policy.rings);
  initializeWeights(buffer, policy.weights);
  const trainer = await trainerOf(run, index, kernels);
  trainer.initialize(RandomStream.named({ seed, role: 'initial-weights', agent: policy.id }));
  initializeSampler(buffer, policy.algorithmPlan.experience, policy.rings, policy.learner.sampler);
  new LearnerState(buffer, policy.learner, kernels).commit(
    RandomStream.named({ seed, role: 'replay', agent: policy.id }),
    0,
  );
  createPublisher(buffer, policy.weights, [], kernels).tryPublish(committedParameters(policy.learner));
}

/** The learner of a policy, going on from the working state in its memory. */
export async function buildLearner(run: OpenRun, index: number): Promise<Learner> {
  const policy = run.plan.policies[index];
  const { algorithmPlan } = policy;
  const kernels = kernelsOf(run, index);
  const buffer = kernels.memory.buffer;
  const state = new LearnerState(buffer, policy.learner, kernels);
  const trainer = await trainerOf(run, index, kernels);
  const random = state.savedRandom();
  const sampler = createSampler({
    kernels,
    algorithmPlan,
    observationScale: policy.context.agent.observation.scale ?? 1,
    rings: policy.rings,
    plan: policy.sampler,
    trainer,
    state: policy.learner.sampler,
    random,
  });
  return new Learner({
    policyId: policy.id,
    trainer,
    sampler,
    random,
    state,
    publisher: createPublisher(buffer, policy.weights, pinsOf(run, index), kernels),
    committed: committedParameters(policy.learner),
    trainSteps: trainStepsOf(buffer, policy),
    figures: figuresOf(buffer, policy),
    metricNames: algorithmPlan.metricNames,
    publishInterval: policy.pace.publishInterval,
  });
}

/** An actor and what it knows of each policy. */
export interface BuiltActor {
  readonly actor: Actor;
  readonly links: readonly PolicyLink[];
}

/**
 * The actor of one environment copy.
 * @param report takes the row of an epoch; the array is reused
 */
export async function buildActor(
  run: OpenRun,
  copy: number,
  environment: TurnEnvironment,
  report: (row: Float64Array) => void,
): Promise<BuiltActor> {
  const { plan } = run;
  const { experiment } = plan.configuration;
  checkSameAgents(plan.agents, environment);
  const links: PolicyLink[] = [];
  const seats = new Map<number, AgentSeat>();
  for (const index of plan.policies.keys()) {
    const built = await buildSeats(run, index, copy);
    links.push(built.link);
    for (const [agent, seat] of built.seats) seats.set(agent, seat);
  }
  const actor = new Actor({
    environment,
    seats: [...seats.entries()].toSorted(([left], [right]) => left - right).map(([, seat]) => seat),
    links,
    seed: experiment.seed,
    copy,
    maxTurns: plan.environment.maxTurns,
    stop: experiment,
    shape: epochRowShape(plan.agents.length, plan.policies),
    report,
  });
  return { actor, links };
}

/** The seats of a policy's agents, by their index in the environment. */
async function buildSeats(
  run: OpenRun,
  index: number,
  copy: number,
): Promise<{ readonly link: PolicyLink; readonly seats: ReadonlyMap<number, AgentSeat> }> {
  const policy = run.plan.policies[index];
  const { algorithmPlan, algorithm, context } = policy;
  const { frames, ringFields, experience, epsilon } = algorithmPlan;
  const share = policy.actors[copy];
  const kernels = kernelsOf(run, index);
  const { buffer } = kernels.memory;
  const link = buildLink(run, policy, index, copy, kernels);
  const acting = await run.algorithms[index].createPolicy(algorithm, context, kernels, share.policyScratch);
  const writer = new RingWriter(buffer, policy.rings, copy, kernels);
  const { seed } = run.plan.configuration.experiment;
  const seats = policy.agents.map((agentIndex, seat): [number, AgentSeat] => {
    const agent = run.plan.agents[agentIndex];
    const plan = share.seats[seat];
    const random = RandomStream.named({ seed, role: 'exploration', agent: agent.id, copy });
    const player = new AgentPlayer({ agent, plan, frames, fields: ringFields, kernels, policy: acting, random });
    const rolloutTurns = experience.kind === 'rollout' ? experience.turns : Infinity;
    return [agentIndex, new AgentSeat({ player, plan, buffer, rolloutTurns, epsilon, link, writer })];
  });
  return { link, seats: new Map(seats) };
}

function buildLink(share: RunShare, policy: PolicyPlan, index: number, copy: number, kernels: Kernels): PolicyLink {
  const buffer = kernels.memory.buffer;
  const pin = pinsOf(share, index)[copy];
  return new PolicyLink({
    id: policy.id,
    reader: createReader(buffer, policy.weights, pin, kernels, policy.actors[copy].readerScratch),
    trainSteps: trainStepsOf(buffer, policy),
    rate: policy.pace.rate,
    maxTrainingLag: policy.pace.maxTrainingLag,
    meeting: isLockstep(share.plan) ? meetingOf(share, workerOf(share.plan, index)) : undefined,
    figures: figuresOf(buffer, policy),
    rings: policy.actors.map((_, actor) => ringControlView(buffer, policy.rings, actor)),
    ringPlan: policy.rings,
    canTrain: readinessOf(buffer, policy.algorithmPlan.experience, policy.rings, policy.context.batchSize),
  });
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

/** Turns taken by an actor. */
export function turnsOf(share: RunShare, actor: number): WideCounter {
  return new WideCounter(new Int32Array(share.runMemory, share.plan.memory.turns[actor], wideCounterWords), 0);
}

/** Lockstep: turns up to which a learner worker has done what it could. */
export function meetingOf(share: RunShare, worker: number): WideCounter {
  return new WideCounter(new Int32Array(share.runMemory, share.plan.memory.meetings[worker], wideCounterWords), 0);
}

/** The learner worker that serves a policy. */
function workerOf({ learnerWorkers }: RunPlan, policy: number): number {
  return learnerWorkers.findIndex((policies) => policies.includes(policy));
}

/** The online parameters of a policy, as its learner has them. */
export function onlineParameters(share: RunShare, index: number): Uint8Array {
  const policy = share.plan.policies[index];
  const { buffer } = share.policyMemories[index];
  return new Uint8Array(buffer, algorithmState(policy.learner), policy.algorithmPlan.parameterCount * 4);
}

function kernelsOf(share: RunShare, index: number): Kernels {
  return instantiateKernels(share.kernelModule, share.policyMemories[index]);
}

/** Pins of a policy, one per actor. */
function pinsOf(share: RunShare, policy: number): Pin[] {
  return share.plan.memory.pins.map((pins) => ({
    words: new Int32Array(share.runMemory, pins[policy], sectionAlignment / 4),
    index: 0,
  }));
}

async function trainerOf(run: OpenRun, index: number, kernels: Kernels): Promise<Trainer> {
  const { algorithm, context, learner, trainerScratch } = run.plan.policies[index];
  return run.algorithms[index].createTrainer(algorithm, context, kernels, algorithmState(learner), trainerScratch);
}
