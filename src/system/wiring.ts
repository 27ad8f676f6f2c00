import { Actor } from '../actor/actor.js';
import { AgentSeat } from '../actor/agent-seat.js';
import { PolicyLink } from '../actor/policy-link.js';
import type { ActingPolicy, Trainer } from '../algorithms/algorithm.js';
import { algorithmNamed } from '../algorithms/algorithms.js';
import { sectionAlignment } from '../buffer/layout.js';
import { initializeRings } from '../buffer/ring-plan.js';
import { RingSampler } from '../buffer/ring-sampler.js';
import { RingWriter } from '../buffer/ring-writer.js';
import { SharedFigures } from '../buffer/shared-figures.js';
import type { Pin } from '../buffer/weights.js';
import { createPublisher, createReader, initializeWeights } from '../buffer/weight-slots.js';
import { WideCounter, wideCounterWords } from '../buffer/wide-counter.js';
import type { TurnEnvironment } from '../environment/environment.js';
import { MarlinError } from '../errors.js';
import type { KernelMemory, KernelModule } from '../kernels/engine.js';
import type { Kernels } from '../kernels/kernels.js';
import { createKernelMemory, instantiateKernels, kernelModule } from '../kernels/kernels.js';
import { Learner } from '../learner/learner.js';
import { LearnerState, algorithmState, committedParameters, trainStepsWord } from '../learner/learner-state.js';
import { RandomStream } from '../random.js';
import type { PolicyPlan } from './policy-plan.js';
import type { RunPlan } from './run-plan.js';

/** A run as every thread holds it: the plan, and the memory that the plan lays out. Passes through `workerData`. */
export interface RunShare {
  readonly plan: RunPlan;
  readonly runMemory: SharedArrayBuffer;
  /** One per policy. */
  readonly policyMemories: readonly KernelMemory[];
  readonly kernelModule: KernelModule;
}

/** Allocates all memory of a run and writes the untrained state of every policy as version 0. */
export function allocateRun(plan: RunPlan): RunShare {
  const share: RunShare = {
    plan,
    runMemory: new SharedArrayBuffer(plan.memory.bytes),
    policyMemories: plan.policies.map((policy) => createKernelMemory(policy.bytes)),
    kernelModule: kernelModule(),
  };
  plan.policies.forEach((policy, index) => initializePolicy(share, policy, index));
  return share;
}

function initializePolicy(share: RunShare, policy: PolicyPlan, index: number): void {
  const { seed } = share.plan.configuration.experiment;
  const kernels = kernelsOf(share, index);
  const buffer = kernels.memory.buffer;
  initializeRings(buffer, policy.rings);
  initializeWeights(buffer, policy.weights);
  trainerOf(policy, kernels).initialize(RandomStream.named({ seed, role: 'initial-weights', agent: policy.id }));
  new LearnerState(buffer, policy.learner, kernels).commit(
    RandomStream.named({ seed, role: 'replay', agent: policy.id }),
    0,
  );
  createPublisher(buffer, policy.weights, [], kernels).tryPublish(committedParameters(policy.learner));
}

/** The learner of a policy, going on from the working state in its memory. */
export function buildLearner(share: RunShare, index: number): Learner {
  const { plan } = share;
  const policy = plan.policies[index];
  const { algorithmPlan } = policy;
  const kernels = kernelsOf(share, index);
  const buffer = kernels.memory.buffer;
  const state = new LearnerState(buffer, policy.learner, kernels);
  const trainer = trainerOf(policy, kernels);
  const random = state.savedRandom();
  const rule = {
    frames: algorithmPlan.frames,
    steps: algorithmPlan.steps,
    discount: algorithmPlan.discount,
    observationScale: policy.context.agent.observation.scale ?? 1,
  };
  return new Learner({
    policyId: policy.id,
    trainer,
    sampler: new RingSampler(buffer, policy.rings, trainer.batch, rule, policy.readerLists, kernels, random),
    random,
    state,
    publisher: createPublisher(buffer, policy.weights, pinsOf(share, index), kernels),
    committed: committedParameters(policy.learner),
    trainSteps: trainStepsOf(buffer, policy),
    figures: figuresOf(buffer, policy),
    metricNames: algorithmPlan.metricNames,
    publishInterval: plan.configuration.parallel.publishInterval,
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
export function buildActor(
  share: RunShare,
  copy: number,
  environment: TurnEnvironment,
  report: (row: Float64Array) => void,
): BuiltActor {
  const { plan } = share;
  const { experiment } = plan.configuration;
  checkSameAgents(plan, environment);
  const links: PolicyLink[] = [];
  const seats = new Map<number, AgentSeat>();
  plan.policies.forEach((policy, index) => {
    const kernels = kernelsOf(share, index);
    const link = buildLink(share, policy, index, copy, kernels);
    const acting = actingOf(policy, kernels, policy.actors[copy].policyScratch);
    const writer = new RingWriter(kernels.memory.buffer, policy.rings, copy, kernels);
    links.push(link);
    policy.agents.forEach((agent, seat) => {
      const parts = {
        agent: environment.agents[agent],
        plan: policy.actors[copy].seats[seat],
        frames: policy.algorithmPlan.frames,
        epsilon: policy.algorithmPlan.epsilon,
        kernels,
        policy: acting,
        link,
        writer,
      };
      seats.set(agent, new AgentSeat(parts));
    });
  });
  const actor = new Actor({
    environment,
    seats: [...seats.entries()].toSorted(([left], [right]) => left - right).map(([, seat]) => seat),
    links,
    seed: experiment.seed,
    copy,
    maxTurns: plan.environment.maxTurns,
    stop: experiment,
    report,
  });
  return { actor, links };
}

function buildLink(share: RunShare, policy: PolicyPlan, index: number, copy: number, kernels: Kernels): PolicyLink {
  const buffer = kernels.memory.buffer;
  const pin = pinsOf(share, index)[copy];
  return new PolicyLink({
    id: policy.id,
    reader: createReader(buffer, policy.weights, pin, kernels, policy.actors[copy].readerScratch),
    trainSteps: trainStepsOf(buffer, policy),
    rate: share.plan.configuration.parallel,
    buffer,
    rings: policy.rings,
    batchSize: policy.context.batchSize,
    steps: policy.algorithmPlan.steps,
  });
}

/** Training steps that a policy's learner has done. */
export function trainStepsOf(buffer: SharedArrayBuffer, policy: PolicyPlan): WideCounter {
  const words = new Int32Array(buffer, policy.learner.control, trainStepsWord + wideCounterWords);
  return new WideCounter(words, trainStepsWord);
}

/** Figures of a policy's training: means since its last commit. */
export function figuresOf(buffer: SharedArrayBuffer, policy: PolicyPlan): SharedFigures {
  return new SharedFigures(new Int32Array(buffer, policy.learner.figures, policy.learner.figureCount));
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

function trainerOf(policy: PolicyPlan, kernels: Kernels): Trainer {
  const algorithm = algorithmNamed(policy.algorithmName);
  const state = algorithmState(policy.learner);
  return algorithm.createTrainer(policy.algorithm, policy.context, kernels, state, policy.trainerScratch);
}

function actingOf(policy: PolicyPlan, kernels: Kernels, scratch: number): ActingPolicy {
  return algorithmNamed(policy.algorithmName).createPolicy(policy.algorithm, policy.context, kernels, scratch);
}

/** A worker makes its own environment; it must have the agents that memory was planned for. */
function checkSameAgents(plan: RunPlan, environment: TurnEnvironment): void {
  const planned = JSON.stringify(plan.agents);
  const made = JSON.stringify(environment.agents);
  if (planned !== made) {
    throw new MarlinError(
      'ERR_ENVIRONMENT',
      `The environment has other agents each time it is made: first ${planned}, now ${made}.`,
    );
  }
}
