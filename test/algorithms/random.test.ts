import { describe, expect, it } from 'vitest';
import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { random } from '#marlin/algorithms/random.js';
import type { ActionSpace } from '#marlin/environment/environment.js';
import { KernelMemory } from '../kernels/kernel-memory.js';
import { actingStep } from './acting-step.js';

const memory = new KernelMemory();

/** Actions that a random policy takes in this space, as numbers; undefined where it finds none. */
function actionsOf(action: ActionSpace, draws: number, mask?: readonly number[]): (number[] | undefined)[] {
  const context: AlgorithmContext = {
    agent: { id: 'agent-0', observation: { size: 1, dtype: 'f32' }, action, hasActionMask: mask !== undefined },
    batchSize: 1,
    rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
  };
  const policy = random.createPolicy({}, context, memory.kernels);
  memory.reset();
  const size = action.kind === 'box' ? action.size : action.kind === 'discrete' ? 1 : action.counts.length;
  const legal = mask === undefined ? undefined : memory.u8(mask, 3);
  const step = actingStep(memory.buffer, memory.room(size * 4), { parameters: 0, observation: 0, legal }, size);
  return Array.from({ length: draws }, () =>
    policy.act(step) ? [...(action.kind === 'box' ? step.actionValues : step.action)] : undefined,
  );
}

describe('a random policy', () => {
  it('takes every choice, each as often as any other', () => {
    const counts = [0, 0, 0, 0, 0];
    for (const chosen of actionsOf({ kind: 'discrete', count: 5 }, 5_000)) counts[chosen?.[0] ?? -1]++;
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it('takes legal actions alone, and none where there is none', () => {
    const space: ActionSpace = { kind: 'discrete', count: 4 };
    const taken = actionsOf(space, 100, [0, 1, 0, 1]).map((chosen) => chosen?.[0]);
    expect([...new Set(taken)].toSorted()).toEqual([1, 3]);
    expect(actionsOf(space, 1, [0, 0, 0, 0])).toEqual([undefined]);
    const several = actionsOf({ kind: 'multi-discrete', counts: [2, 3] }, 100, [0, 1, 1, 0, 1]);
    expect([...new Set(several.map(String))].toSorted()).toEqual(['1,0', '1,2']);
  });

  it('fills a box', () => {
    const values = actionsOf({ kind: 'box', size: 2, low: -1, high: 3 }, 1_000).flatMap((numbers) => numbers ?? []);
    expect(values).toHaveLength(2_000);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...values)).toBeLessThan(3);
    expect(values.reduce((sum, value) => sum + value, 0) / 2_000).toBeCloseTo(1, 0);
  });
});
