import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, distance, halfOf, periodOf } from '#marlin/buffer/position.js';

// Up to what 4 GiB of memory hold of the smallest rows.
const capacities = fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 2 ** 28 }));

describe('positions', () => {
  test('wrap where slots do, below 2³⁰', () => {
    fc.assert(
      fc.property(capacities, (capacity) => {
        const period = periodOf(capacity);
        expect(period % capacity).toBe(0);
        expect(period).toBeLessThan(2 ** 30);
        expect(period + capacity).toBeGreaterThanOrEqual(2 ** 30);
      }),
    );
  });

  test('far apart by as many rows as one was advanced', () => {
    fc.assert(
      fc.property(capacities, fc.nat(), fc.integer({ min: -(2 ** 28), max: 2 ** 28 }), (capacity, from, rows) => {
        const period = periodOf(capacity);
        const position = from % period;
        const moved = advance(position, rows, period);
        expect(moved).toBeGreaterThanOrEqual(0);
        expect(moved).toBeLessThan(period);
        expect(distance(position, moved, period)).toBe(rows);
        expect(advance(moved, -rows, period)).toBe(position);
      }),
    );
  });

  test('lie in one of two halves of the period', () => {
    for (const period of [10, 11]) {
      const halves = Array.from({ length: period }, (_, position) => halfOf(position, period));
      expect(halves.join('')).toBe(period === 10 ? '0000011111' : '00000011111');
    }
  });
});
