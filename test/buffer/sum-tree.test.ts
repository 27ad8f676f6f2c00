import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SumTree, sumTreeLeaves, sumTreeNodes } from '#marlin/buffer/sum-tree.js';
import type { RandomStream } from '#marlin/random.js';

/** A stream whose next draw the test chooses. */
function streamOf(draw: number): RandomStream {
  return { uniformPrecise: () => draw } as unknown as RandomStream;
}

function treeOf(leaves: readonly number[]) {
  const values = new Float32Array(sumTreeLeaves(leaves.length));
  values.set(leaves);
  const nodes = new Float64Array(sumTreeNodes(leaves.length)).fill(Number.NaN);
  return { tree: new SumTree(values, nodes), values, nodes };
}

/** Many zeros, and sizes so far apart that sums round. */
const leaf = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  fc.integer({ min: 1, max: 9 }),
  fc.constantFrom(1e-12, 1e12),
  fc.float({ min: Math.fround(1e-3), max: 1, noNaN: true }),
);
const share = fc.oneof(fc.constantFrom(0, 1 - 2 ** -53), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));

describe('a sum tree', () => {
  it('finds the leaf that a plain sum finds', () => {
    const whole = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 70 });
    const property = fc.property(whole, fc.nat(), fc.integer({ min: 1, max: 5 }), (leaves, seed, strata) => {
      const total = leaves.reduce((sum, value) => sum + value, 0);
      const { tree } = treeOf(leaves);
      if (total === 0) return tree.isEmpty;
      // Whole numbers and shares in 2⁻¹⁰: every sum is exact.
      const stratum = seed % strata;
      const draw = (seed % 1024) / 1024;
      const target = ((stratum + draw) / strata) * total;
      let [expected, passed] = [0, leaves[0] ?? 0];
      while (passed <= target) passed += leaves[++expected] ?? Number.NaN;
      return tree.draw(streamOf(draw), stratum, strata) === expected;
    });
    expect(fc.check(property, { numRuns: 1000 }).counterexample).toBeNull();
  });

  it('never finds a leaf that is 0, however sums are rounded', () => {
    const property = fc.property(fc.array(leaf, { minLength: 1, maxLength: 70 }), share, (leaves, draw) => {
      const { tree, values } = treeOf(leaves);
      return tree.isEmpty || (values[tree.draw(streamOf(draw), 0, 1)] ?? 0) > 0;
    });
    expect(fc.check(property, { numRuns: 1000 }).counterexample).toBeNull();
  });

  it('has the same sums after any changes as one made anew from its leaves', () => {
    const change = fc.tuple(fc.nat(), leaf);
    const property = fc.property(
      fc.array(leaf, { minLength: 1, maxLength: 40 }),
      fc.array(change, { maxLength: 200 }),
      (leaves, changes) => {
        const { tree, values, nodes } = treeOf(leaves);
        const source = new Float32Array(1);
        for (const [place, value] of changes) {
          source[0] = value;
          if (value === 0) tree.clear(place % leaves.length);
          else tree.set(place % leaves.length, source, 0);
        }
        const anew = treeOf([...values]);
        expect([...nodes]).toEqual([...anew.nodes]);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('says where a leaf is not finite', () => {
    expect(treeOf([1, 2, 3]).tree.isFinite).toBe(true);
    expect(treeOf([1, Number.NaN, 3]).tree.isFinite).toBe(false);
    expect(treeOf([1, 2, Infinity]).tree.isFinite).toBe(false);
  });
});
