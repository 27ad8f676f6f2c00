import { once } from 'node:events';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WideCounter, wideCounterWords } from '#marlin/buffer/wide-counter.js';
import { Crew } from './crew.js';
import { stride } from './wide-counter-worker.js';

function words(): Int32Array {
  return new Int32Array(new SharedArrayBuffer((wideCounterWords + 1) * 4));
}

describe('a wide counter', () => {
  test('is exact to 2⁵³', () => {
    const counter = new WideCounter(words(), 1);
    fc.assert(
      fc.property(fc.maxSafeNat(), (count) => {
        counter.set(count);
        expect(counter.value()).toBe(count);
      }),
    );
    for (const count of [0, 2 ** 30 - 1, 2 ** 30, 2 ** 30 + 1, Number.MAX_SAFE_INTEGER]) {
      counter.set(count);
      expect(counter.value()).toBe(count);
    }
  });

  test('read while it is raised past the limit of its low half, is what it was at some moment', async () => {
    const shared = words();
    const steps = 10_000_000;
    const counter = new WideCounter(shared, 0);
    const crew = new Crew();
    const worker = crew.start('wide-counter-worker.js', { words: shared, steps });
    await crew.whileNoneFails(once(worker, 'online'));
    let looks = 0;
    let wrong = 0;
    for (let before = 0; before < steps; looks++) {
      before = Atomics.load(shared, 3);
      const count = counter.value();
      const after = Atomics.load(shared, 3);
      if (count < before * stride || count > (after + 1) * stride) wrong++;
    }
    await crew.whileNoneFails(once(worker, 'exit'));
    expect(wrong).toBe(0);
    expect(looks).toBeGreaterThan(1000);
  });

  test('whose writer died between two stores, can be read, and set again', () => {
    const last = 5 * 2 ** 30 - 1;
    for (const next of [last, last + 1, last + 2 ** 31]) {
      for (let stored = 0; stored < 3; stored++) {
        const shared = words();
        const counter = new WideCounter(shared, 0);
        counter.set(last);
        // In the order in which the writer stores them.
        if (stored > 0) shared[2] = 5;
        if (stored > 1) shared[1] = 0;
        expect(counter.value()).toBe(stored === 0 ? last : last + 1);
        counter.set(next);
        expect(counter.value()).toBe(next);
      }
    }
  });
});
