import * as fc from 'fast-check';
import { expect } from 'vitest';
import { periodOf } from '#marlin/buffer/position.js';
import { minimumCapacity } from '#marlin/buffer/ring-plan.js';
import type { ModelSample } from './ring-model.js';
import type { RigOptions, RingRig } from './ring-rig.js';

/** Rings of every shape, small enough to be overwritten often, most of them starting near the wrap or the half. */
export const rigs: fc.Arbitrary<RigOptions> = fc
  .record({
    extraCapacity: fc.integer({ min: 0, max: 40 }),
    observationSize: fc.integer({ min: 1, max: 20 }),
    observationDtype: fc.constantFrom<'u8' | 'f32'>('u8', 'f32'),
    hasActionMask: fc.boolean(),
    actionSize: fc.integer({ min: 1, max: 3 }),
    maskSize: fc.integer({ min: 1, max: 5 }),
    rings: fc.integer({ min: 1, max: 3 }),
    batchSize: fc.integer({ min: 1, max: 8 }),
    frames: fc.integer({ min: 1, max: 5 }),
    steps: fc.integer({ min: 1, max: 5 }),
    discount: fc.constantFrom(1, 0.99, 0.5, 0),
    observationScale: fc.constantFrom(1, 1 / 255, 0.5),
    start: fc.constantFrom(0, 0.5, 1),
    rowsBefore: fc.integer({ min: 1, max: 150 }),
    seed: fc.nat(),
  })
  .map((shape) => {
    const capacity = minimumCapacity(shape.batchSize, shape.steps, shape.frames) + shape.extraCapacity;
    const { observationSize, observationDtype, hasActionMask, actionSize, maskSize, rings, frames, steps, discount } =
      shape;
    return {
      spec: {
        capacity,
        observationSize,
        observationDtype,
        hasActionMask,
        actionSize,
        maskSize,
        rings,
        fields: [
          { name: 'logProbability', dtype: 'f32', size: 1 },
          { name: 'counts', dtype: 'i32', size: 2 },
          { name: 'marks', dtype: 'u8', size: 3 },
        ],
        startPosition: Math.max(0, Math.ceil(periodOf(capacity) * shape.start) - shape.rowsBefore),
      },
      rule: { frames, steps, discount, observationScale: shape.observationScale },
      batchSize: shape.batchSize,
      seed: shape.seed,
    };
  });

/** Episodes of 1 step are common, long ones exist. */
export function randomEnd(rig: RingRig): 'open' | 'terminated' | 'truncated' {
  const drawn = rig.random.integer(12);
  if (drawn > 3) return 'open';
  return drawn % 2 === 0 ? 'terminated' : 'truncated';
}

/** Holds the transitions of the batch, all but their weights, against the model's. */
export function expectSampled(rig: RingRig, expected: Map<number, ModelSample>): void {
  for (const { action, weight: _, ...sample } of rig.sampled()) {
    const model = expected.get(action);
    expect(model, `transition ${action} may be drawn`).toBeDefined();
    if (model === undefined) continue;
    expect(sample.observation).toEqual(model.observation);
    expect(sample.nextObservation).toEqual(model.nextObservation);
    expect(sample.nextLegal).toEqual(model.nextLegal);
    expect(sample.nStepReturn).toBeCloseTo(model.nStepReturn, 4);
    expect(sample.bootstrapDiscount).toBeCloseTo(model.bootstrapDiscount, 6);
  }
}
