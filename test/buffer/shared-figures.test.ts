import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SharedFigures } from '#marlin/buffer/shared-figures.js';

test('figures keep float32 values, each in its own word', () => {
  const figures = new SharedFigures(new Int32Array(new SharedArrayBuffer(8)));
  fc.assert(
    fc.property(fc.float(), fc.float(), (first, second) => {
      figures.set(0, first);
      figures.set(1, second);
      expect(figures.get(0)).toBe(first);
      expect(figures.get(1)).toBe(second);
    }),
  );
});
