import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { differenceOf } from './difference.js';
import { KernelMemory } from './kernel-memory.js';
import { uniformValues } from './reference.js';

const memory = new KernelMemory();
const { kernels } = memory;
const count = fc.integer({ min: 1, max: 23 });

/** Room for `size` floats with a value behind it that must stay. */
function guarded(size: number): number {
  return memory.f32([...uniformValues(size, 5), 12345], 1);
}

/** What is wrong with the values at `offset` or with the one behind them; undefined: nothing. */
function differenceAt(offset: number, expected: readonly number[]): string | undefined {
  return differenceOf(memory.floats(offset, expected.length + 1), [...expected, 12345]);
}

it('takes signed roots', () => {
  fc.assert(
    fc.property(count, fc.integer(), (size, seed) => {
      memory.reset();
      const values = [...uniformValues(size, seed)];
      const x = memory.f32([...values, 12345], 1);
      kernels.signedRoots(x, size);
      expect(
        differenceAt(
          x,
          values.map((value) => Math.sign(value) * Math.sqrt(Math.abs(value))),
        ),
      ).toBeUndefined();
    }),
  );
});

it('multiplies a column by a row', () => {
  fc.assert(
    fc.property(count, count, fc.integer(), (rows, columns, seed) => {
      memory.reset();
      const [left, right] = [uniformValues(rows, seed), uniformValues(columns, seed + 1)];
      const y = guarded(rows * columns);
      kernels.outerProduct(y, memory.f32(left), memory.f32(right), rows, columns);
      expect(
        differenceAt(
          y,
          [...left].flatMap((factor) => Array.from(right, (value) => factor * value)),
        ),
      ).toBeUndefined();
    }),
  );
});

it('multiplies, and multiplies and adds, element by element', () => {
  fc.assert(
    fc.property(count, fc.integer(), (size, seed) => {
      memory.reset();
      const [a, b, c] = [uniformValues(size, seed), uniformValues(size, seed + 1), uniformValues(size, seed + 2)];
      const [sum, product] = [guarded(size), guarded(size)];
      const [atA, atB, atC] = [memory.f32(a), memory.f32(b, 3), memory.f32(c)];
      kernels.multiplyAdd(sum, atA, atB, atC, size);
      kernels.multiply(product, atB, atC, size);
      const products = Array.from(b, (value, index) => value * (c[index] ?? 0));
      expect(
        differenceAt(
          sum,
          products.map((value, index) => value + (a[index] ?? 0)),
        ),
      ).toBeUndefined();
      expect(differenceAt(product, products)).toBeUndefined();
    }),
  );
});
