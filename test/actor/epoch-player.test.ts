import { describe, expect, it } from 'vitest';
import { EpochPlayer } from '#marlin/actor/epoch-player.js';
import type { EpochOutcome } from '#marlin/actor/epoch-player.js';
import { playedAgents } from '#marlin/system/evaluation-task.js';
import { takeWeights } from '#marlin/system/playable-policy.js';
import { buildInOneThread } from './one-thread.js';
import { ScriptedEnvironment } from './scripted-environment.js';

type Script = ConstructorParameters<typeof ScriptedEnvironment>[1];

const uneventful = (): void => {};
const epsilon = { start: 0, end: 0 };
const algorithm = { name: 'dqn', hiddenSizes: [4], frameStack: 3, nStep: 1, epsilon };
const parallel = { batchSize: 4, bufferCapacity: 64 };
const always = (): boolean => true;

/** An actor and an epoch player that have the same weights, each with an environment of its own. */
async function rig(script: Script, maxTurns: number, exploration = epsilon, isGreedy = true) {
  const acted = new ScriptedEnvironment(2, script, { hasActionMask: true });
  const settings = { agents: { algorithm: { ...algorithm, epsilon: exploration } }, parallel };
  const { actor, share, rows } = await buildInOneThread(acted, settings, maxTurns);
  const played = new ScriptedEnvironment(2, script, { hasActionMask: true });
  const { plan } = share;
  const policies = await takeWeights(share, rows[0] ?? new Float64Array(100));
  const agents = await playedAgents({ environment: plan.environment, agents: plan.agents, policies });
  return { actor, acted, played, player: new EpochPlayer(played, agents, maxTurns, isGreedy) };
}

/** Rewards and turns of the agents' own episodes. */
function episodesOf(outcome: EpochOutcome | undefined): number[][][] {
  return (outcome?.agents ?? []).map(({ episodes }) => episodes.map(({ reward, turns }) => [reward, turns]));
}

describe('an epoch that is played', () => {
  it('goes as the actor would play it: the same calls, the same actions', async () => {
    const { actor, acted, played, player } = await rig(({ terminated, truncated, turn }) => {
      terminated[0] = turn === 3 ? 1 : 0;
      truncated[1] = turn === 5 ? 1 : 0;
    }, 8);
    for (let turn = 0; turn < 16; turn++) actor.playTurn();
    for (let epoch = 0; epoch < 2; epoch++) player.play(0, epoch, always);
    expect(played.log).toEqual(acted.log);
    expect(played.actions).toEqual(acted.actions);
    expect(acted.actions).toHaveLength(32);
  });

  it('ends where the world is done', async () => {
    const { player } = await rig((environment) => (environment.done = environment.turn === 4), 8);
    expect(player.play(0, 0, always)?.turns).toBe(4);
  });

  it('adds up rewards of the epoch and of the episodes of each agent', async () => {
    const { player } = await rig(({ rewards, terminated, truncated, turn }) => {
      rewards.set([turn, -1]);
      terminated[0] = turn === 2 ? 1 : 0;
      truncated[0] = turn === 5 ? 1 : 0;
    }, 6);
    const outcome = player.play(0, 0, always);
    expect(outcome?.agents.map(({ reward }) => reward)).toEqual([21, -6]);
    // What the end of the epoch cuts off counts only where the agent has no whole episode in it.
    expect(episodesOf(outcome)).toEqual([
      [
        [3, 2],
        [12, 3],
      ],
      [[-6, 6]],
    ]);
  });

  it('counts an episode that ends with the epoch once', async () => {
    const { player } = await rig((environment) => {
      environment.rewards.fill(1);
      environment.terminated.fill(environment.turn % 3 === 0 ? 1 : 0);
      environment.done = environment.turn === 6;
    }, 20);
    const twice = [
      [3, 3],
      [3, 3],
    ];
    expect(episodesOf(player.play(0, 0, always))).toEqual([twice, twice]);
  });

  it('has its randomness from seed and number alone', async () => {
    const { played, player } = await rig(uneventful, 3);
    player.play(5, 0, always);
    player.play(5, 1, always);
    player.play(6, 0, always);
    player.play(5, 0, always);
    const [first, second, third, again] = played.seeds;
    expect(again).toBe(first);
    expect(new Set([first, second, third]).size).toBe(3);
  });

  it('is given up between two turns', async () => {
    const { played, player } = await rig(uneventful, 3);
    let asked = 0;
    expect(player.play(0, 0, () => asked++ < 2)).toBeUndefined();
    expect(played.turn).toBe(2);
  });

  it('explores only where the best action is not wanted', async () => {
    const exploring = { start: 1, end: 1 };
    const maskless = async (isGreedy: boolean): Promise<number[]> => {
      const { player, played } = await rig(uneventful, 30, exploring, isGreedy);
      // All actions are legal: nothing but the draw decides.
      played.legalActions = (_, out) => void out.fill(1);
      player.play(0, 0, always);
      player.play(0, 0, always);
      return played.actions;
    };
    const random = await maskless(false);
    expect(new Set(random).size).toBe(3);
    expect(random.slice(60)).toEqual(random.slice(0, 60));
    const best = await maskless(true);
    expect(best).not.toEqual(random);
  });

  it('is refused with a reward that is no number', async () => {
    const { player } = await rig(({ rewards }) => (rewards[1] = Number.NaN), 3);
    expect(() => player.play(0, 0, always)).toThrow('The environment gave agent-1 a reward of NaN in evaluation');
  });
});
