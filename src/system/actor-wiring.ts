import { Actor } from '../actor/actor.js';
import { AgentPlayer } from '../actor/agent-player.js';
import type { SeatParts } from '../actor/agent-seat.js';
import { AgentSeat } from '../actor/agent-seat.js';
import { PolicyLink } from '../actor/policy-link.js';
import { ringControlView } from '../buffer/ring-plan.js';
import { RingWriter } from '../buffer/ring-writer.js';
import type { CommitFigures } from '../buffer/commit-figures.js';
import { createReader } from '../buffer/weight-slots.js';
import type { WeightReader } from '../buffer/weights.js';
import type { TurnEnvironment } from '../environment/environment.js';
import type { Kernels } from '../kernels/kernels.js';
import { runColumns } from '../metrics/epoch-row.js';
import { RandomStream } from '../random.js';
import { checkSameAgents } from './environments.js';
import type { OpenRun } from './open-run.js';
import { readinessOf } from './readiness.js';
import type { RunShare } from './run-share.js';
import { epochRowShape, figuresOf, isLockstep, kernelsOf, meetingOf, pinsOf, trainStepsOf } from './run-share.js';

/** An actor and what it knows of each policy. */
export interface BuiltActor {
  readonly actor: Actor;
  readonly links: readonly PolicyLink[];
}

/** What stands between an actor and a policy's learner, where that is not as usual. */
export interface ActorSeams {
  readonly reader?: ((policy: number, usual: WeightReader) => WeightReader) | undefined;
  readonly writer?: ((policy: number, usual: RingWriter) => SeatParts['writer']) | undefined;
  readonly figures?: ((policy: number, usual: CommitFigures) => Pick<CommitFigures, 'read'>) | undefined;
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
  seams: ActorSeams = {},
): Promise<BuiltActor> {
  const { plan } = run;
  const { experiment } = plan.configuration;
  checkSameAgents(plan.agents, environment);
  const links: PolicyLink[] = [];
  const seats = new Map<number, AgentSeat>();
  for (const index of plan.policies.keys()) {
    const built = await buildSeats(run, index, copy, seams);
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
    start: run.start,
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
  seams: ActorSeams,
): Promise<{ readonly link: PolicyLink; readonly seats: ReadonlyMap<number, AgentSeat> }> {
  const policy = run.plan.policies[index];
  const { algorithmPlan, algorithm, context } = policy;
  const { frames, ringFields, experience, epsilon } = algorithmPlan;
  const share = policy.actors[copy];
  const kernels = kernelsOf(run, index);
  const { buffer } = kernels.memory;
  const link = buildLink(run, index, copy, kernels, seams);
  const acting = await run.algorithms[index].createPolicy(algorithm, context, kernels, share.policyScratch);
  const writer = new RingWriter(buffer, policy.rings, copy, kernels);
  const { seed } = run.plan.configuration.experiment;
  const startTurns = run.start?.row[runColumns.turns] ?? 0;
  const writtenTurns = experience.kind === 'rollout' ? writer.rewind(startTurns) : 0;
  const seats = policy.agents.map((agentIndex, seat): [number, AgentSeat] => {
    const agent = run.plan.agents[agentIndex];
    const plan = share.seats[seat];
    const random = RandomStream.named({ seed, role: 'exploration', agent: agent.id, copy });
    const player = new AgentPlayer({ agent, plan, frames, fields: ringFields, kernels, policy: acting, random });
    const rolloutTurns = experience.kind === 'rollout' ? experience.turns : Infinity;
    return [
      agentIndex,
      new AgentSeat({
        player,
        plan,
        buffer,
        rolloutTurns,
        writtenTurns,
        epsilon,
        link,
        writer: seams.writer?.(index, writer) ?? writer,
      }),
    ];
  });
  return { link, seats: new Map(seats) };
}

function buildLink(share: RunShare, index: number, copy: number, kernels: Kernels, seams: ActorSeams): PolicyLink {
  const policy = share.plan.policies[index];
  const buffer = kernels.memory.buffer;
  const pin = pinsOf(share, index)[copy];
  const reader = createReader(buffer, policy.weights, pin, kernels, policy.actors[copy].readerScratch);
  const figures = figuresOf(buffer, policy);
  return new PolicyLink({
    id: policy.id,
    reader: seams.reader?.(index, reader) ?? reader,
    trainSteps: trainStepsOf(buffer, policy),
    rate: policy.pace.rate,
    maxTrainingLag: policy.pace.maxTrainingLag,
    meeting: isLockstep(share.plan) ? meetingOf(share, workerOf(share, index)) : undefined,
    figures: seams.figures?.(index, figures) ?? figures,
    rings: policy.actors.map((_, actor) => ringControlView(buffer, policy.rings, actor)),
    ringPlan: policy.rings,
    canTrain: readinessOf(buffer, policy.algorithmPlan.experience, policy.rings, policy.context.batchSize),
  });
}

/** The learner worker that serves a policy. */
function workerOf({ plan }: RunShare, policy: number): number {
  return plan.learnerWorkers.findIndex((policies) => policies.includes(policy));
}
