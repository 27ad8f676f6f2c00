import { MarlSystem } from 'marlin-rl';
import type { MarlConfiguration, RunSummary } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { LearnerState } from '#marlin/learner/learner-state.js';
import { buildLearner } from '#marlin/system/learner-wiring.js';
import { onlineParameters } from '#marlin/system/run-share.js';
import { buildInOneThread } from '../actor/one-thread.js';
import { ScriptedEnvironment } from '../actor/scripted-environment.js';
import { PlainMover } from '../buffer/plain-mover.js';
import { smallDqn, trial } from './trial-run.js';

const replay = { kind: 'prioritized', correction: { duration: 50 } } as const;
const distribution = { kind: 'categorical', atoms: 11, minimum: -2, maximum: 8 } as const;
const noise = { kind: 'factorised' } as const;
const smallIqn = { name: 'iqn', hiddenSizes: [8, 8], quantiles: 4, cosines: 8, frameStack: 2, nStep: 2 } as const;

const variants = [
  { name: 'prioritized replay', plain: smallDqn, options: { replay } },
  { name: 'distributions', plain: smallDqn, options: { distribution } },
  { name: 'noise, and nothing else to explore by', plain: smallDqn, options: { noise, epsilon: { start: 0, end: 0 } } },
  { name: 'all three', plain: smallDqn, options: { replay, distribution, noise } },
  { name: 'prioritized replay for IQN', plain: smallIqn, options: { replay } },
];

async function run(configuration: MarlConfiguration): Promise<RunSummary> {
  return new MarlSystem(configuration).run();
}

function hashes(summary: RunSummary): string[] {
  return summary.agents.map((agent) => agent.weightsHash);
}

describe.each(variants)('$name', ({ plain, options }) => {
  const algorithm = { ...plain, ...options };
  const configured = (execution: 'sequential' | 'async', seed = 1) =>
    trial(
      { masks: true, agentTurns: 7 },
      {
        agents: { algorithm },
        experiment: { epochs: 20, seed },
        parallel: { execution, trainInterval: 1, bufferCapacity: 200 },
      },
    );

  it('comes to the same bits from the same seed, and to others from another or without it', async () => {
    const [first, second] = [await run(configured('sequential')), await run(configured('sequential'))];
    expect(hashes(second)).toEqual(hashes(first));
    const others = [
      await run(configured('sequential', 2)),
      await run({ ...configured('sequential'), agents: { algorithm: plain } }),
    ];
    expect(new Set([...hashes(first), ...others.flatMap(hashes)]).size).toBe(6);
  });

  it('trains what is owed, on threads too', async () => {
    for (const execution of ['sequential', 'async'] as const) {
      const { agents, turns } = await run(configured(execution));
      expect(turns).toBe(400);
      for (const agent of agents) expect(agent).toMatchObject({ trainSteps: 360, owedTrainSteps: 360 });
    }
  });

  it('learns what there is to learn', async () => {
    const { rewardMean } = await run(
      trial(
        { size: 4 },
        {
          agents: { algorithm: { epsilon: { duration: 20 }, ...algorithm, learningRate: 1e-2, discount: 0 } },
          experiment: { epochs: 60 },
          parallel: { trainInterval: 1, execution: 'sequential' },
        },
      ),
    );
    // A random policy gets 12.5.
    expect(rewardMean).toBeGreaterThan(18);
  });
});

const hunt = { kind: 'categorical', minimum: -20, maximum: 60 } as const;

it.each([
  { replay },
  { distribution: hunt },
  { noise, epsilon: { start: 0, end: 0 } },
  { noise: { kind: 'independent' }, epsilon: { start: 0, end: 0 } },
  { replay, distribution: hunt, noise, epsilon: { start: 0, end: 0 } },
])('treasurehunt is learnt with %o', { timeout: 120_000 }, async (options) => {
  const { rewardMeanLast100 } = await run({
    environment: 'treasurehunt',
    agents: { algorithm: { name: 'dqn', epsilon: { duration: 50 }, ...options } },
    experiment: { epochs: 150, seed: 1 },
    parallel: { execution: 'sequential' },
  });
  // Random walkers gather 21.7 (random-agents.test.ts), with a standard error of 4 over 100 epochs.
  expect(rewardMeanLast100).toBeGreaterThan(100);
});

/** An actor whose rewards differ, and the memory of its run. */
async function makeRun() {
  const environment = new ScriptedEnvironment(1, ({ rewards, actions }) => rewards.fill(Math.sin(actions.length)));
  return buildInOneThread(environment, {
    agents: { algorithm: { name: 'dqn', hiddenSizes: [4], frameStack: 2, nStep: 2, replay } },
    parallel: { batchSize: 4, bufferCapacity: 64 },
  });
}

describe('a learner with prioritized replay', () => {
  it('goes on from its last commit with the leaves that it had, though what was built in scratch is lost', async () => {
    const whole = await makeRun();
    const parted = await makeRun();
    const [first, other] = [await buildLearner(whole.share, 0), await buildLearner(parted.share, 0)];
    const turn = (steps: number) => {
      for (let step = 0; step < steps; step++) {
        whole.actor.playTurn();
        parted.actor.playTurn();
      }
    };
    turn(100);
    for (let step = 0; step < 30; step++) {
      turn(1);
      first.trainStep();
      other.trainStep();
    }
    // Seven steps beyond the commit of step 30, and then it dies.
    for (let step = 0; step < 7; step++) other.trainStep();
    const { share } = parted;
    const policy = share.plan.policies[0];
    const { buffer } = share.policyMemories[0];
    const { sampler } = policy;
    if (sampler.kind !== 'replay' || sampler.priorities === undefined) throw new Error('It draws uniformly.');
    new Uint8Array(buffer, sampler.priorities.sums, 64 * 8).fill(0xa5);
    new LearnerState(buffer, policy.learner, new PlainMover(buffer)).recover();
    const second = await buildLearner(share, 0);
    expect(second.trainSteps).toBe(30);
    for (let step = 0; step < 40; step++) {
      turn(1);
      first.trainStep();
      second.trainStep();
    }
    expect([...onlineParameters(share, 0)]).toEqual([...onlineParameters(whole.share, 0)]);
  });
});
