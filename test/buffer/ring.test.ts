import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { periodOf } from '#marlin/buffer/position.js';
import { minimumCapacity, ringControl, ringControlView } from '#marlin/buffer/ring-plan.js';
import { RingRig } from './ring-rig.js';
import { expectSampled, randomEnd, rigs } from './ring-shapes.js';

describe('a ring', () => {
  test('returns the transitions of its episodes, and nothing else', () => {
    let batches = 0;
    fc.assert(
      fc.property(rigs, (options) => {
        const rig = new RingRig(options);
        for (let step = 0; step < 5 * options.spec.capacity; step++) {
          rig.append(rig.random.integer(options.spec.rings), randomEnd(rig));
          if (rig.random.integer(10) > 0 || !rig.sampler.ready()) continue;
          rig.sampler.sample();
          expectSampled(rig, rig.expected());
          expect(rig.sampled().every(({ weight }) => weight === 1)).toBe(true);
          batches++;
        }
        // Nobody writes while this thread samples.
        expect(rig.sampler.redraws).toBe(0);
      }),
      { numRuns: 150 },
    );
    expect(batches).toBeGreaterThan(1000);
  });

  test('outlives its writers, wherever they die, and joins no two episodes', () => {
    let batches = 0;
    fc.assert(
      fc.property(rigs, (options) => {
        const rig = new RingRig(options);
        for (let step = 0; step < 4 * options.spec.capacity; step++) {
          const ring = rig.random.integer(options.spec.rings);
          if (rig.random.integer(8) === 0) rig.replaceWriter(ring, randomEnd(rig));
          else rig.append(ring, randomEnd(rig));
          if (rig.random.integer(6) > 0 || rig.expected().size === 0) continue;
          rig.sampler.sample();
          expectSampled(rig, rig.expected());
          batches++;
        }
        expect(rig.sampler.redraws).toBe(0);
      }),
      { numRuns: 100 },
    );
    expect(batches).toBeGreaterThan(1000);
  });

  test('gives whole transitions, wherever between its steps the writers come around', () => {
    let redraws = 0;
    fc.assert(
      fc.property(rigs, fc.integer({ min: 1, max: 30 }), (options, rowsAtOnce) => {
        const rig = new RingRig(options);
        const { capacity, rings } = options.spec;
        const write = () => {
          const ring = rig.random.integer(rings);
          // A death leaves what a sampler meets in the middle of an append: rows claimed and half overwritten.
          if (rig.random.integer(3) === 0) rig.replaceWriter(ring, randomEnd(rig));
          else rig.append(ring, randomEnd(rig));
        };
        const writeSome = () => {
          if (rig.random.integer(4) > 0) return;
          for (let left = rig.random.integer(rowsAtOnce); left > 0; left--) write();
        };
        for (let step = 0; step < capacity * rings || rig.expected().size === 0; step++)
          rig.append(step % rings, 'open');
        for (let batch = 0; batch < 10; batch++) {
          rig.sampleInterrupted(writeSome);
          // Rows overwritten since they were drawn included.
          expectSampled(rig, rig.expected(Infinity));
        }
        redraws += rig.sampler.redraws;
      }),
      { numRuns: 100 },
    );
    expect(redraws).toBeGreaterThan(1000);
  });

  test('draws every eligible row, each as often as any other', () => {
    fc.assert(
      fc.property(rigs, fc.integer({ min: 1, max: 300 }), (options, steps) => {
        const rig = new RingRig(options);
        for (let step = 0; step < steps; step++) rig.append(rig.random.integer(options.spec.rings), randomEnd(rig));
        const drawn = new Map([...rig.expected().keys()].map((action) => [action, 0]));
        if (drawn.size < 2) return;
        const expected = 100;
        const batches = Math.ceil((expected * drawn.size) / options.batchSize);
        for (let batch = 0; batch < batches; batch++) {
          rig.sampler.sample();
          for (const { action } of rig.sampled()) drawn.set(action, (drawn.get(action) ?? 0) + 1);
        }
        const mean = (batches * options.batchSize) / drawn.size;
        const chiSquared = [...drawn.values()].reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
        // Six standard deviations of the statistic above its mean, and room for the skew of few degrees of freedom.
        const freedom = drawn.size - 1;
        expect(chiSquared).toBeLessThan(freedom + 6 * Math.sqrt(2 * freedom) + 20);
        expect(Math.min(...drawn.values())).toBeGreaterThan(0);
      }),
      { numRuns: 40 },
    );
  });

  test('keeps the fields that an algorithm adds, row by row', () => {
    fc.assert(
      fc.property(rigs, (options) => {
        const rig = new RingRig(options);
        for (let step = 0; step < 100; step++) rig.append(rig.random.integer(options.spec.rings), randomEnd(rig));
        for (const [ring, model] of rig.models.entries()) {
          for (const { firstRow, steps } of model.episodes) {
            for (const [time, step] of steps.entries()) {
              if (firstRow + time < model.rows - options.spec.capacity) continue;
              expect(rig.storedFields(ring, firstRow + time)).toEqual(step.fields);
            }
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  test('asked for a batch while it is empty, says so at once', () => {
    fc.assert(
      fc.property(rigs, (options) => {
        const rig = new RingRig(options);
        expect(rig.sampler.ready()).toBe(false);
        expect(() => rig.sampler.sample()).toThrow(expect.objectContaining({ code: 'ERR_NO_ELIGIBLE_ROW' }));
      }),
      { numRuns: 10 },
    );
  });

  test('counts every row it was given, across the wrap of its positions', () => {
    fc.assert(
      fc.property(rigs, (options) => {
        const rig = new RingRig(options);
        for (let step = 0; step < 4 * options.spec.capacity; step++) {
          const ring = rig.random.integer(options.spec.rings);
          rig.append(ring, randomEnd(rig));
          expect(rig.writers[ring].total).toBe(rig.models[ring].rows);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('keeps its total where a writer died between counting a half of the period and entering it', () => {
    for (const fromHalf of [0, 1]) {
      const capacity = minimumCapacity(1, 1, 1);
      const period = periodOf(capacity);
      const spec = { capacity, observationSize: 1, observationDtype: 'u8' as const, actionSize: 1, maskSize: 1 };
      const startPosition = (fromHalf === 0 ? Math.ceil(period / 2) : period) - 2;
      const rig = new RingRig({
        spec: { ...spec, hasActionMask: false, rings: 1, fields: [], startPosition },
        rule: { frames: 1, steps: 1, discount: 1, observationScale: 1 },
        batchSize: 1,
        seed: 1,
      });
      rig.append(0, 'open');
      Atomics.add(ringControlView(rig.buffer, rig.plan, 0), ringControl.halves, 1);
      for (let rows = 1; rows < 6; rows++) {
        expect(rig.writers[0].total).toBe(rows);
        rig.append(0, 'open');
      }
    }
  });
});
