import { expect, it } from 'vitest';
import { targetUpdateSchema } from '#marlin/algorithms/q-settings.js';
import { updateTarget } from '#marlin/algorithms/target-update.js';
import { KernelMemory } from '../kernels/kernel-memory.js';

const memory = new KernelMemory();

/** A target of 0 after each of some training steps on parameters of 1. */
function targetsAfter(settings: unknown, steps: number): number[] {
  memory.reset();
  const update = targetUpdateSchema.parse(settings);
  const target = memory.f32([0, 0, 9]);
  const parameters = memory.f32([1, 1, 1]);
  return Array.from({ length: steps }, (_, index) => {
    updateTarget(memory.kernels, update, target, parameters, 2, index + 1);
    const [first = Number.NaN, second, behind] = memory.floats(target, 3);
    expect([second, behind]).toEqual([first, 9]);
    return first;
  });
}

it('copies every so many training steps', () => {
  expect(targetsAfter({ kind: 'hard', every: 3 }, 4)).toEqual([0, 0, 1, 1]);
});

it('moves a share of the way after every training step', () => {
  expect(targetsAfter({ kind: 'soft', tau: 0.5 }, 3)).toEqual([0.5, 0.75, 0.875]);
});

it('does both where that is asked for', () => {
  expect(targetsAfter({ kind: 'soft', tau: 0.5, copyEvery: 3 }, 4)).toEqual([0.5, 0.75, 1, 1]);
});
