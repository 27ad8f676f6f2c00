import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { alignUp, Layout, sectionAlignment } from '#marlin/buffer/layout.js';

test('sections neither overlap nor share a cache line', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.array(fc.nat(5000), { minLength: 1 }), (start, sizes) => {
      const layout = new Layout(start);
      let end = start;
      for (const bytes of sizes) {
        const offset = layout.reserve(bytes);
        expect(offset % sectionAlignment).toBe(0);
        expect(offset).toBeGreaterThanOrEqual(end);
        expect(offset).toBeLessThan(end + sectionAlignment);
        end = offset + bytes;
        expect(layout.end).toBe(end);
      }
    }),
  );
});

test('rounds up past 32 bits', () => {
  expect(alignUp(2 ** 32 + 1)).toBe(2 ** 32 + 128);
  expect(alignUp(0)).toBe(0);
  expect(alignUp(13, 4)).toBe(16);
});
