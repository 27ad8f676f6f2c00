import { MarlinError } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { ringControlView, rowFlags } from '#marlin/buffer/ring-plan.js';
import { publishedRows } from '#marlin/buffer/ring-occupancy.js';
import { agentColumns, EpochRowShape, policyColumns, runColumns } from '#marlin/metrics/epoch-row.js';
import type { OneThread } from './one-thread.js';
import { buildInOneThread } from './one-thread.js';
import { ScriptedEnvironment } from './scripted-environment.js';

const algorithm = { name: 'dqn', hiddenSizes: [4], frameStack: 1, nStep: 1 };
const settings = { agents: { algorithm }, parallel: { batchSize: 4, bufferCapacity: 64 } };
const uneventful = (): void => {};

/** The rows of an agent's ring: first observation value, action, reward and flags of each. */
function ringOf({ share }: OneThread, policy: number): number[][] {
  const { rings } = share.plan.policies[policy];
  const { buffer } = share.policyMemories[policy];
  const count = publishedRows(ringControlView(buffer, rings, 0), rings);
  const observations = new Float32Array(buffer, rings.observation, 2 * count);
  const actions = new Int32Array(buffer, rings.action, count);
  const rewards = new Float32Array(buffer, rings.reward, count);
  const flags = new Uint8Array(buffer, rings.flags, count);
  return Array.from({ length: count }, (_, row) => [observations[2 * row], actions[row], rewards[row], flags[row]]);
}

function play({ actor }: OneThread, turns: number): void {
  for (let turn = 0; turn < turns; turn++) actor.playTurn();
}

describe('a turn', () => {
  it('goes through the environment in the order that its contract promises', async () => {
    const environment = new ScriptedEnvironment(2, uneventful, { hasActionMask: true });
    const run = await buildInOneThread(environment, settings, 2);
    const calls = 'beginTurn, observe 0, legalActions 0, act 0, observe 1, legalActions 1, act 1, endTurn';
    const turn = calls.split(', ');
    play(run, 1);
    expect(environment.log).toEqual(['reset', ...turn]);
    environment.log = [];
    play(run, 1);
    // The last of an epoch: what the agents see at the end is stored too.
    expect(environment.log).toEqual([...turn, 'observe 0', 'legalActions 0', 'observe 1', 'legalActions 1']);
    environment.log = [];
    play(run, 1);
    expect(environment.log).toEqual(['reset', ...turn]);
  });

  it('takes only legal actions, random ones and those of the policy', async () => {
    for (const epsilon of [0, 0.5, 1]) {
      const environment = new ScriptedEnvironment(2, uneventful, { hasActionMask: true });
      const agents = { algorithm: { ...algorithm, epsilon: { start: epsilon, end: epsilon } } };
      play(await buildInOneThread(environment, { ...settings, agents }), 40);
      const expected = Array.from({ length: 40 }, (_, turn) => [((turn % 20) + 1) % 3, ((turn % 20) + 2) % 3]);
      expect(environment.actions).toEqual(expected.flat());
    }
  });

  it('writes each step to the ring of its own agent', async () => {
    const environment = new ScriptedEnvironment(2, ({ rewards, turn }) => rewards.set([turn, -turn]));
    const run = await buildInOneThread(environment, settings, 3);
    play(run, 4);
    const [first, second] = [0, 1].map((agent) => environment.actions.filter((_, index) => index % 2 === agent));
    const { truncated, boundary } = rowFlags;
    expect(ringOf(run, 0)).toEqual([
      [1, first[0], 1, 0],
      [2, first[1], 2, 0],
      [3, first[2], 3, truncated],
      [3, 0, 0, boundary],
      [1, first[3], 1, 0],
    ]);
    expect(ringOf(run, 1).map(([, action, reward]) => [action, reward])).toEqual([
      [second[0], -1],
      [second[1], -2],
      [second[2], -3],
      [0, 0],
      [second[3], -1],
    ]);
  });

  it('ends the episode of an agent that terminated, and of no other', async () => {
    const environment = new ScriptedEnvironment(2, ({ terminated, turn }) => {
      terminated[1] = turn === 2 ? 1 : 0;
    });
    const run = await buildInOneThread(environment, settings);
    play(run, 3);
    expect(ringOf(run, 0).map(([, , , flags]) => flags)).toEqual([0, 0, 0]);
    expect(ringOf(run, 1).map(([, , , flags]) => flags)).toEqual([0, rowFlags.terminated, rowFlags.boundary, 0]);
    expect(run.actor.epochs).toBe(0);
  });

  it('tells an end for good from one that cuts short, and from both at once', async () => {
    const environment = new ScriptedEnvironment(3, (world) => {
      world.done = world.turn === 2;
      world.terminated.set([0, world.done ? 1 : 0, 0]);
      world.truncated.set([0, world.done ? 1 : 0, world.turn === 1 ? 1 : 0]);
    });
    const run = await buildInOneThread(environment, settings);
    play(run, 2);
    const { terminated, truncated, boundary } = rowFlags;
    expect(ringOf(run, 0).map(([, , , flags]) => flags)).toEqual([0, truncated, boundary]);
    expect(ringOf(run, 1).map(([, , , flags]) => flags)).toEqual([0, terminated, boundary]);
    expect(ringOf(run, 2).map(([, , , flags]) => flags)).toEqual([truncated, boundary, truncated, boundary]);
    expect(run.actor.epochs).toBe(1);
  });

  it('that is the last of the run cuts the episodes short', async () => {
    const environment = new ScriptedEnvironment(1, uneventful);
    const run = await buildInOneThread(environment, { ...settings, experiment: { totalTurns: 5 } });
    play(run, 5);
    expect(run.actor).toMatchObject({ finished: true, turns: 5, epochs: 0 });
    expect(ringOf(run, 0).at(-1)?.[3]).toBe(rowFlags.boundary);
  });

  it.each([Number.NaN, Infinity, -Infinity])('refuses a reward of %d', async (reward) => {
    const environment = new ScriptedEnvironment(2, ({ rewards }) => rewards.set([0, reward]));
    const run = await buildInOneThread(environment, settings);
    expect(() => play(run, 1)).toThrow(MarlinError);
    expect(() => play(run, 1)).toThrow(`agent-1 a reward of ${reward} at turn`);
  });
});

/** The environment's streams in the first epochs of twelve turns: the first draw of each. */
async function seedsOf(seed: number, maxTurns: number): Promise<number[]> {
  const environment = new ScriptedEnvironment(1, uneventful);
  play(await buildInOneThread(environment, { ...settings, experiment: { seed } }, maxTurns), 12);
  return environment.seeds;
}

async function randomActions(): Promise<number[]> {
  const environment = new ScriptedEnvironment(2, uneventful);
  const agents = { algorithm: { ...algorithm, epsilon: { start: 1, end: 1 } } };
  play(await buildInOneThread(environment, { ...settings, agents }, 100), 100);
  return environment.actions;
}

describe('an epoch', () => {
  it('is told by its seed and number alone', async () => {
    const seeds = await seedsOf(3, 2);
    expect(new Set(seeds).size).toBe(6);
    // Longer epochs do not shift the streams of those after them.
    expect(await seedsOf(3, 4)).toEqual(seeds.slice(0, 3));
    expect((await seedsOf(4, 2))[0]).not.toBe(seeds[0]);
  });

  it('explores differently for each agent, and the same way again', async () => {
    const actions = await randomActions();
    expect(await randomActions()).toEqual(actions);
    const [first, second] = [0, 1].map((agent) => actions.filter((_, index) => index % 2 === agent).join(''));
    expect(first).not.toBe(second);
  });
});

describe('what an actor reports', () => {
  const shape = new EpochRowShape(2, [4, 4]);

  it('is a row at the end of each epoch, and one more at the end of all', async () => {
    const environment = new ScriptedEnvironment(2, ({ rewards, turn }) => rewards.set([turn, 0.5]));
    const run = await buildInOneThread(environment, settings, 3);
    play(run, 7);
    run.actor.reportEnd();
    const columns = [runColumns.isWholeEpoch, runColumns.epochs, runColumns.turnsInEpoch, runColumns.turns];
    expect(run.rows.map((row) => columns.map((column) => row[column]))).toEqual([
      [1, 1, 3, 3],
      [1, 2, 3, 6],
      [0, 2, 1, 7],
    ]);
    const rewards = [0, 1].map((agent) => shape.agent(agent) + agentColumns.reward);
    expect(run.rows.map((row) => rewards.map((column) => row[column]))).toEqual([
      [6, 1.5],
      [6, 1.5],
      [1, 0.5],
    ]);
    const [startedMs, reportedMs] = [runColumns.startedMs, runColumns.reportedMs].map((column) => run.rows[2][column]);
    expect(Math.abs(reportedMs - Date.now())).toBeLessThan(10_000);
    expect(reportedMs).toBeGreaterThanOrEqual(startedMs);
  });

  it('says how far behind the learner is, and how old the weights were', async () => {
    const environment = new ScriptedEnvironment(1, uneventful);
    const agents = { algorithm: { ...algorithm, epsilon: { start: 0, end: 0 } } };
    const parallel = { ...settings.parallel, trainInterval: 2, learningStarts: 10 };
    const run = await buildInOneThread(environment, { ...settings, agents, parallel }, 20);
    play(run, 20);
    const row = run.rows[0];
    const first = new EpochRowShape(1, [4]).policy(0);
    expect(row[first + policyColumns.actions]).toBe(20);
    expect(row[first + policyColumns.weightsVersion]).toBe(0);
    expect(row[first + policyColumns.weightsLagMax]).toBe(0);
    expect(row[first + policyColumns.trainingLag]).toBe(5);
    expect(row[first + policyColumns.trainingLagMax]).toBe(5);
  });

  it('knows when to wait: too far behind, and a batch is there', async () => {
    const environment = new ScriptedEnvironment(1, uneventful);
    const waitsAt = async (maxTrainingLag: number): Promise<boolean[]> => {
      const rates = { batchSize: 8, trainInterval: 1, learningStarts: 0, maxTrainingLag };
      const parallel = { ...settings.parallel, ...rates };
      const run = await buildInOneThread(environment, { ...settings, parallel }, 100);
      return [8, 1].map((turns) => {
        play(run, turns);
        return run.links[0].isBehind(run.actor.turns);
      });
    };
    // 8 rows, of which the last may lack its successor: waiting for a learner that cannot begin would be for ever.
    expect(await waitsAt(0)).toEqual([false, true]);
    expect(await waitsAt(8)).toEqual([false, true]);
    expect(await waitsAt(9)).toEqual([false, false]);
    expect(await waitsAt(Infinity)).toEqual([false, false]);
  });
});
