import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Layout, sectionAlignment } from '#marlin/buffer/layout.js';
import { checkCapacity, minimumCapacity, planRing } from '#marlin/buffer/ring-plan.js';

describe('the capacity of a ring', () => {
  test('is refused below twice what a batch and an append touch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 }), fc.nat(10), fc.nat(10), (batch, steps, frames) => {
        const least = minimumCapacity(batch, steps, frames);
        expect(least).toBe(2 * (batch + steps + frames + 2));
        expect(() => checkCapacity('parallel.bufferCapacity', least, batch, steps, frames)).not.toThrow();
        expect(() => checkCapacity('parallel.bufferCapacity', least - 1, batch, steps, frames)).toThrow(
          expect.objectContaining({
            code: 'ERR_CONFIGURATION',
            field: 'parallel.bufferCapacity',
            value: least - 1,
            bound: `at least ${least}`,
          }),
        );
      }),
    );
  });

  test('is refused where it is not a number', () => {
    expect(() => checkCapacity('parallel.bufferCapacity', Number.NaN, 64, 1, 1)).toThrow(/must be at least 136/);
  });
});

test('the columns of a ring do not overlap', () => {
  const layout = new Layout(64 * 1024);
  const plan = planRing(layout, {
    capacity: 101,
    observationSize: 7,
    observationDtype: 'f32',
    actionSize: 3,
    maskSize: 5,
    hasActionMask: true,
    fields: [
      { name: 'value', dtype: 'f32', size: 1 },
      { name: 'marks', dtype: 'u8', size: 3 },
    ],
    rings: 3,
  });
  const rows = 303;
  const sections: [number, number][] = [
    [plan.control, 3 * sectionAlignment],
    [plan.observation, rows * 28],
    [plan.action, rows * 12],
    [plan.reward, rows * 4],
    [plan.episodeStep, rows * 4],
    [plan.flags, rows],
    [plan.legal ?? Number.NaN, rows * 5],
    [plan.fieldOffsets[0], rows * 4],
    [plan.fieldOffsets[1], rows * 3],
  ];
  let end = 64 * 1024;
  for (const [offset, bytes] of sections) {
    expect(offset).toBeGreaterThanOrEqual(end);
    end = offset + bytes;
  }
  expect(layout.end).toBe(end);
});
