import type { Action, AgentSpec, TurnEnvironment } from 'marlin-rl';
import { expect, it } from 'vitest';
import { buildInOneThread } from './one-thread.js';

const [turns, size, low, high] = [60, 2, -0.25, 0.5];

/** Keeps what it is given to do. */
class Box implements TurnEnvironment {
  readonly agents: readonly AgentSpec[] = [
    { id: 'agent-0', observation: { size: 1, dtype: 'f32' }, action: { kind: 'box', size, low, high } },
  ];
  readonly rewards = new Float32Array(1);
  readonly terminated = new Uint8Array(1);
  readonly truncated = new Uint8Array(1);
  readonly done = false;
  readonly actions: number[] = [];

  reset(): void {}
  beginTurn(): void {}
  observe(): void {}
  endTurn(): void {}

  act(_: number, action: Action): void {
    if (!(action instanceof Float32Array)) throw new Error('A box takes numbers.');
    this.actions.push(...action);
  }
}

it('an action in a box goes to the ring as it was drawn, and to the environment within the bounds', async () => {
  const environment = new Box();
  const agents = { algorithm: { name: 'ppo', rolloutTurns: turns } };
  const { actor, share } = await buildInOneThread(environment, { agents }, turns);
  for (let turn = 0; turn < turns; turn++) actor.playTurn();
  const { rings } = share.plan.policies[0] ?? {};
  const { buffer } = share.policyMemories[0] ?? {};
  if (rings === undefined || buffer === undefined) throw new Error('The run has no policy.');
  const drawn = new Float32Array(buffer, rings.action, turns * size);
  expect(Array.from(drawn, (value) => Math.max(low, Math.min(high, value)))).toEqual(environment.actions);
  expect(drawn.some((value) => value < low)).toBe(true);
  expect(drawn.some((value) => value > high)).toBe(true);

  const [logProbability = 0, weightsVersion = 0] = rings.fieldOffsets;
  expect([...new Int32Array(buffer, weightsVersion, turns)]).toEqual(Array.from({ length: turns }, () => 0));
  // The first policy has σ = 1, and means that are nearly 0 and, seeing the same, always the same.
  const noted = new Float32Array(buffer, logProbability, turns);
  noted.forEach((log, turn) => {
    const [x = 0, y = 0] = drawn.subarray(turn * size, turn * size + size);
    expect(Math.abs(log + (x * x + y * y) / 2 + Math.log(2 * Math.PI))).toBeLessThan(0.2);
  });
});
