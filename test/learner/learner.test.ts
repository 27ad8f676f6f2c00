import { MarlinError } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { newestVersion } from '#marlin/buffer/weight-slots.js';
import { committedParameters, LearnerState } from '#marlin/learner/learner-state.js';
import type { Learner } from '#marlin/learner/learner.js';
import type { OpenRun } from '#marlin/system/open-run.js';
import { buildLearner } from '#marlin/system/learner-wiring.js';
import { figuresOf, kernelsOf, onlineParameters, trainStepsOf } from '#marlin/system/run-share.js';
import { buildInOneThread } from '../actor/one-thread.js';
import { ScriptedEnvironment } from '../actor/scripted-environment.js';

interface Rig {
  readonly share: OpenRun;
  readonly learner: Learner;
  version(): number;
  /** Stands for an actor that reads a slot; undefined: none. */
  pin(slot: number | undefined): void;
  /** The newest published weights. */
  published(): number[];
}

async function makeRig(
  mode: 'double-buffer' | 'snapshot' = 'double-buffer',
  reward = 1,
  publishInterval = 10,
): Promise<Rig> {
  const environment = new ScriptedEnvironment(1, ({ rewards }) => rewards.fill(reward));
  const { actor, share } = await buildInOneThread(environment, {
    agents: { algorithm: { name: 'dqn', hiddenSizes: [4], frameStack: 1, nStep: 2 } },
    parallel: { batchSize: 4, bufferCapacity: 64, publishInterval, mode },
  });
  for (let turn = 0; turn < 50; turn++) actor.playTurn();
  const policy = share.plan.policies[0];
  const { buffer } = share.policyMemories[0];
  const pins = new Int32Array(share.runMemory, share.plan.memory.pins[0][0], 1);
  const version = (): number => newestVersion(buffer, policy.weights);
  return {
    share,
    learner: await buildLearner(share, 0),
    version,
    pin: (slot) => {
      pins[0] = slot === undefined ? 0 : slot + 1;
    },
    published: () => {
      const slot = policy.weights.slots[mode === 'snapshot' ? 0 : version() & 1];
      return [...new Uint8Array(buffer, slot, policy.weights.bytes)];
    },
  };
}

function train(rig: Rig, steps: number): void {
  for (let step = 0; step < steps; step++) rig.learner.trainStep();
}

function committedOf({ share }: Rig): number[] {
  const policy = share.plan.policies[0];
  return [...new Uint8Array(share.policyMemories[0].buffer, committedParameters(policy.learner), policy.weights.bytes)];
}

describe.each(['double-buffer', 'snapshot'] as const)('a learner publishes: %s', (mode) => {
  it('every publishInterval training steps, and what is left at the end', async () => {
    const rig = await makeRig(mode);
    const initial = rig.published();
    expect(initial).toEqual([...onlineParameters(rig.share, 0)]);
    train(rig, 9);
    expect(rig.version()).toBe(0);
    expect(rig.published()).toEqual(initial);
    train(rig, 1);
    expect(rig.version()).toBe(1);
    expect(rig.published()).toEqual([...onlineParameters(rig.share, 0)]);
    expect(rig.published()).not.toEqual(initial);
    train(rig, 25);
    expect(rig.version()).toBe(3);
    rig.learner.finish();
    expect(rig.version()).toBe(4);
    expect(rig.published()).toEqual([...onlineParameters(rig.share, 0)]);
    rig.learner.finish();
    expect(rig.version()).toBe(4);
  });

  it('nothing that is not committed', async () => {
    const rig = await makeRig(mode);
    for (let step = 0; step < 35; step++) {
      train(rig, 1);
      expect(rig.published()).toEqual(committedOf(rig));
    }
  });
});

describe('a learner that finds its slot read by an actor', () => {
  it('trains on, and publishes at the next chance what it had committed', async () => {
    const rig = await makeRig();
    const initial = rig.published();
    // Version 1 goes to slot 1.
    rig.pin(1);
    train(rig, 13);
    expect(rig.version()).toBe(0);
    expect(rig.published()).toEqual(initial);
    expect(rig.learner.publicationsDelayed).toBe(4);
    const committed = committedOf(rig);
    rig.pin(undefined);
    train(rig, 1);
    expect(rig.version()).toBe(1);
    // As it stood at the commit, not as it stands now.
    expect(rig.published()).toEqual(committed);
    expect(rig.published()).not.toEqual([...onlineParameters(rig.share, 0)]);
  });

  it('is not held up by the slot that is being acted with', async () => {
    const rig = await makeRig();
    rig.pin(0);
    train(rig, 10);
    expect(rig.version()).toBe(1);
    expect(rig.learner.publicationsDelayed).toBe(0);
  });

  it('makes one publication of several commits', async () => {
    const rig = await makeRig();
    rig.pin(1);
    train(rig, 30);
    rig.pin(undefined);
    rig.learner.finish();
    expect(rig.version()).toBe(1);
    expect(rig.published()).toEqual([...onlineParameters(rig.share, 0)]);
  });
});

describe('a learner', () => {
  it('tells others how many training steps it has done', async () => {
    const rig = await makeRig();
    const counter = trainStepsOf(rig.share.policyMemories[0].buffer, rig.share.plan.policies[0]);
    for (let step = 1; step <= 25; step++) {
      train(rig, 1);
      expect(counter.value()).toBe(step);
    }
  });

  it('tells the means of its figures over the steps of its last commit', async () => {
    const rig = await makeRig('double-buffer', 1, 5);
    const lossOf = ({ share }: typeof rig): [steps: number, loss: number] => {
      const row = new Float64Array(5);
      figuresOf(share.policyMemories[0].buffer, share.plan.policies[0]).read(row, 0);
      return [row[0], row[1]];
    };
    const means: [number, number][] = [];
    for (let step = 0; step < 15; step++) {
      train(rig, 1);
      means.push(lossOf(rig));
    }
    const single = await makeRig('double-buffer', 1, 1);
    const losses: number[] = [];
    for (let step = 0; step < 15; step++) {
      train(single, 1);
      losses.push(lossOf(single)[1]);
    }
    means.forEach(([steps, mean], step) => {
      const committed = Math.floor((step + 1) / 5) * 5;
      expect(steps).toBe(committed);
      const own = losses.slice(Math.max(0, committed - 5), committed);
      expect(mean).toBeCloseTo(own.reduce((sum, loss) => sum + loss, 0) / Math.max(1, own.length), 5);
    });
    expect(Math.min(...losses)).toBeGreaterThan(0);
  });

  it('goes on from where another one committed', async () => {
    const whole = await makeRig();
    train(whole, 40);
    const parted = await makeRig();
    train(parted, 20);
    const second = await buildLearner(parted.share, 0);
    expect(second.trainSteps).toBe(20);
    for (let step = 0; step < 20; step++) second.trainStep();
    expect([...onlineParameters(parted.share, 0)]).toEqual([...onlineParameters(whole.share, 0)]);
  });

  it('stops at what is not finite, naming policy, figure and step', async () => {
    // Two of them are more than a float32 holds.
    const rig = await makeRig('double-buffer', 3e38);
    expect(() => train(rig, 1_000)).toThrow(MarlinError);
    expect(() => train(rig, 1)).toThrow(/^\w+ of agent-0 became (NaN|Infinity) at training step \d+\.$/);
  });
});

it('steps on a rollout are committed together or not at all, also at the end of a run', async () => {
  const environment = new ScriptedEnvironment(1, ({ rewards }) => rewards.fill(1));
  const { actor, share } = await buildInOneThread(environment, {
    agents: { algorithm: { name: 'ppo', hiddenSizes: [4], rolloutTurns: 16, minibatchSize: 8, passes: 2 } },
  });
  for (let turn = 0; turn < 16; turn++) actor.playTurn();
  const policy = share.plan.policies[0];
  const { buffer } = share.policyMemories[0];
  const learner = await buildLearner(share, 0);
  learner.trainStep();
  learner.finish();
  expect(newestVersion(buffer, policy.weights)).toBe(0);
  // Whoever goes on does all four of them.
  new LearnerState(buffer, policy.learner, kernelsOf(share, 0)).recover();
  const next = await buildLearner(share, 0);
  next.takeOver();
  expect(next.trainSteps).toBe(0);
  for (let step = 0; step < 4; step++) next.trainStep();
  expect(newestVersion(buffer, policy.weights)).toBe(1);
});
