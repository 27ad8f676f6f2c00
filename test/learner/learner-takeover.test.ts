import { afterEach, describe, expect, it, vi } from 'vitest';
import { CommitFigures } from '#marlin/buffer/commit-figures.js';
import { newestVersion } from '#marlin/buffer/weight-slots.js';
import type { WeightPublisher } from '#marlin/buffer/weights.js';
import { LearnerState } from '#marlin/learner/learner-state.js';
import type { Learner } from '#marlin/learner/learner.js';
import { buildLearner } from '#marlin/system/learner-wiring.js';
import type { OpenRun } from '#marlin/system/open-run.js';
import { figuresOf, kernelsOf, onlineParameters, trainStepsOf } from '#marlin/system/run-share.js';
import { buildInOneThread } from '../actor/one-thread.js';
import { ScriptedEnvironment } from '../actor/scripted-environment.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const publishInterval = 5;
const totalSteps = 23;

async function makeRun(algorithm: Readonly<Record<string, unknown>>): Promise<OpenRun> {
  const environment = new ScriptedEnvironment(1, ({ rewards }) => rewards.fill(1));
  const { actor, share } = await buildInOneThread(environment, {
    agents: { algorithm },
    parallel: { batchSize: 4, bufferCapacity: 64, publishInterval },
  });
  for (let turn = 0; turn < 50; turn++) actor.playTurn();
  return share;
}

/** What is left of a learner in the end. */
function outcomeOf(run: OpenRun) {
  const policy = run.plan.policies[0];
  const { buffer } = run.policyMemories[0];
  const figures = new Float64Array(1 + policy.learner.figureCount);
  figuresOf(buffer, policy).read(figures, 0);
  return {
    parameters: [...onlineParameters(run, 0)],
    figures: [...figures],
    trainSteps: trainStepsOf(buffer, policy).value(),
    version: newestVersion(buffer, policy.weights),
  };
}

/** The newest published weights. */
function publishedOf(run: OpenRun): number[] {
  const { weights } = run.plan.policies[0];
  const { buffer } = run.policyMemories[0];
  return [...new Uint8Array(buffer, weights.slots[newestVersion(buffer, weights) & 1], weights.bytes)];
}

/** A learner that took the place of another, which may have died anywhere. Checks that it publishes what it has posted. */
async function successor(run: OpenRun): Promise<Learner> {
  const { learner } = run.plan.policies[0];
  new LearnerState(run.policyMemories[0].buffer, learner, kernelsOf(run, 0)).recover();
  const next: Learner = await buildLearner(run, 0, {
    publisher: (usual: WeightPublisher) => {
      const publish = usual.tryPublish.bind(usual);
      vi.spyOn(usual, 'tryPublish').mockImplementation((source) => {
        // A recorded publication is known by the first figure of its commit.
        expect(outcomeOf(run).figures[0]).toBe(next.trainSteps);
        return publish(source);
      });
      return usual;
    },
  });
  next.takeOver();
  return next;
}

function train(learner: Learner, to: number): void {
  while (learner.trainSteps < to) learner.trainStep();
  learner.finish();
}

class Death extends Error {}

/** Lets the thread die before or behind the `occurrence`-th call of a method. */
function dieAt<Owner extends object>(
  owner: Owner,
  method: keyof Owner & string,
  when: string,
  occurrence: number,
): void {
  const usual = owner[method] as (...parts: unknown[]) => unknown;
  let left = occurrence;
  vi.spyOn(owner, method as never).mockImplementation(function (this: unknown, ...parts: unknown[]) {
    const isDue = --left === 0;
    if (isDue && when === 'before') throw new Death();
    const result = usual.apply(this, parts);
    if (isDue) throw new Death();
    return result;
  } as never);
}

const algorithms = {
  dqn: { name: 'dqn', hiddenSizes: [4], frameStack: 1, nStep: 2 },
  prioritized: { name: 'dqn', hiddenSizes: [4], frameStack: 1, replay: { kind: 'prioritized' } },
  normalised: { name: 'dqn', hiddenSizes: [4], normalize: { observations: true, rewards: true } },
  iqn: { name: 'iqn', hiddenSizes: [4, 4], quantiles: 2, cosines: 4 },
} as const;

describe.each(Object.entries(algorithms))('who takes the place of a learner, %s,', (_, algorithm) => {
  it.each(
    (['commit', 'post', 'publish', 'note', 'count'] as const).flatMap((place) =>
      ['before', 'behind'].flatMap((when) => [1, 3].map((occurrence) => [when, place, occurrence] as const)),
    ),
  )('that died %s its %s (%d.) comes to what it would have come to', async (when, place, occurrence) => {
    const undisturbed = await makeRun(algorithm);
    const learner = await buildLearner(undisturbed, 0);
    const expectedFigures: number[][] = [];
    while (learner.trainSteps < totalSteps) {
      learner.trainStep();
      expectedFigures.push(outcomeOf(undisturbed).figures);
    }
    learner.finish();
    const expected = outcomeOf(undisturbed);

    const run = await makeRun(algorithm);
    const dying = await buildLearner(run, 0, {
      publisher: (usual: WeightPublisher) => {
        if (place === 'publish') dieAt(usual, 'tryPublish', when, occurrence);
        return usual;
      },
    });
    if (place === 'commit') dieAt(LearnerState.prototype, 'commit', when, occurrence);
    if (place === 'post') dieAt(CommitFigures.prototype, 'post', when, occurrence);
    if (place === 'note') dieNoting(when, occurrence);
    if (place === 'count') {
      const policy = run.plan.policies[0];
      const counter = trainStepsOf(run.policyMemories[0].buffer, policy);
      dieAt(Object.getPrototypeOf(counter) as typeof counter, 'set', when, occurrence * 7);
    }
    expect(() => train(dying, totalSteps)).toThrow(Death);
    const lost = dying.trainSteps;
    vi.restoreAllMocks();

    const next = await successor(run);
    expect(publishedOf(run)).toEqual([...onlineParameters(run, 0)]);
    expect(lost - next.trainSteps).toBeLessThanOrEqual(publishInterval);
    expect(outcomeOf(run).trainSteps).toBe(next.trainSteps);
    // Figures of the commit that it goes on from, whoever posted them.
    expect(outcomeOf(run).figures[0]).toBe(next.trainSteps);
    const seen: number[][] = [];
    while (next.trainSteps < totalSteps) {
      next.trainStep();
      seen.push(outcomeOf(run).figures);
    }
    expect(seen).toEqual(expectedFigures.slice(totalSteps - seen.length));
    next.finish();
    const { version, ...outcome } = outcomeOf(run);
    const { version: expectedVersion, ...rest } = expected;
    expect(outcome).toEqual(rest);
    // Published twice at the most: what was published before its thread could say so.
    expect(version - expectedVersion).toBe(isToldTwice(when, place) ? 1 : 0);
  });
});

/** Whether the thread died between a publication and the note of it. */
function isToldTwice(when: string, place: string): boolean {
  return (place === 'publish' && when === 'behind') || (place === 'note' && when === 'before');
}

/** Dies at the word that notes what was published. */
function dieNoting(when: string, occurrence: number): void {
  const usual = Object.getOwnPropertyDescriptor(LearnerState.prototype, 'publishedAt');
  let left = occurrence;
  vi.spyOn(LearnerState.prototype, 'publishedAt', 'set').mockImplementation(function (this: LearnerState, steps) {
    const isDue = --left === 0;
    if (isDue && when === 'before') throw new Death();
    usual?.set?.call(this, steps);
    if (isDue) throw new Death();
  });
}
