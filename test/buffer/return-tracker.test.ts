import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { distance, periodOf } from '#marlin/buffer/position.js';
import { initializeReturnTracker, ReturnTracker, returnTrackerBytes } from '#marlin/buffer/return-tracker.js';
import type { RingPlan } from '#marlin/buffer/ring-plan.js';
import { initializeRings, planRing, ringControl, ringControlView } from '#marlin/buffer/ring-plan.js';
import { RingWriter } from '#marlin/buffer/ring-writer.js';
import { PlainMover } from './plain-mover.js';

const discount = 0.9;

interface Rig {
  readonly buffer: SharedArrayBuffer;
  readonly plan: RingPlan;
  readonly writers: readonly RingWriter[];
  readonly deviation: Float64Array;
  newTracker(): ReturnTracker;
  seen(ring: number): number;
  vouchesFor(ring: number, position: number): boolean;
  append(ring: number, reward: number, ends: boolean): void;
}

function makeRig(rings: number, capacity: number): Rig {
  const layout = new Layout();
  const plan = planRing(layout, {
    capacity,
    observationSize: 1,
    observationDtype: 'u8',
    actionSize: 1,
    maskSize: 0,
    hasActionMask: false,
    fields: [],
    rings,
    startPosition: periodOf(capacity) - 5,
  });
  const state = layout.reserve(returnTrackerBytes(rings));
  const deviation = layout.reserve(8);
  const staging = layout.reserve(2);
  const buffer = new SharedArrayBuffer(Math.ceil(layout.end / 8) * 8);
  initializeRings(buffer, plan);
  initializeReturnTracker(buffer, plan, state);
  const mover = new PlainMover(buffer);
  const writers = Array.from({ length: rings }, (_, ring) => new RingWriter(buffer, plan, ring, mover));
  return {
    buffer,
    plan,
    writers,
    deviation: new Float64Array(buffer, deviation, 1),
    seen: (ring) => Atomics.load(ringControlView(buffer, plan, ring), ringControl.head),
    vouchesFor: (ring, position) =>
      distance(position, Atomics.load(ringControlView(buffer, plan, ring), ringControl.claim), plan.period) <= capacity,
    newTracker: () => new ReturnTracker(buffer, plan, discount, state, deviation),
    append: (ring, reward, truncated) =>
      writers[ring].append({
        observation: staging,
        finalObservation: staging + 1,
        action: new Int32Array(1),
        reward,
        terminated: false,
        truncated,
        cut: false,
        legal: 0,
        finalLegal: 0,
        fields: [],
      }),
  };
}

/** The deviation of all discounted returns, computed from the list of them. */
function deviationOf(returns: readonly number[]): number {
  const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length;
  return Math.sqrt(returns.reduce((sum, value) => sum + (value - mean) ** 2, 0) / returns.length);
}

describe('the deviation of discounted returns', () => {
  const step = fc.record({
    ring: fc.nat(1),
    reward: fc.integer({ min: -8, max: 8 }),
    ends: fc.boolean(),
    isFollowed: fc.boolean(),
    isReplaced: fc.boolean(),
  });

  it('is that of every step so far, however often it is followed, and by whom', () => {
    const property = fc.property(fc.array(step, { minLength: 3, maxLength: 60 }), (steps) => {
      const rig = makeRig(2, 256);
      let tracker = rig.newTracker();
      const running = [0, 0];
      const returns: number[] = [];
      for (const { ring, reward, ends, isFollowed, isReplaced } of steps) {
        rig.append(ring, reward, ends);
        running[ring] = discount * running[ring] + reward;
        returns.push(running[ring]);
        if (ends) running[ring] = 0;
        if (isFollowed) tracker.follow(rig);
        if (isReplaced) tracker = rig.newTracker();
      }
      tracker.follow(rig);
      const expected = deviationOf(returns);
      expect(rig.deviation[0]).toBeCloseTo(expected > 1e-4 ? expected : 1, 6);
    });
    fc.assert(property);
  });

  it('is 1 while nothing is known', () => {
    const rig = makeRig(1, 16);
    rig.newTracker();
    expect(rig.deviation[0]).toBe(1);
  });

  it('survives a learner that fell behind by more than a ring', () => {
    const rig = makeRig(1, 16);
    const tracker = rig.newTracker();
    for (let count = 0; count < 100; count++) rig.append(0, count % 3, false);
    tracker.follow(rig);
    expect(rig.deviation[0]).toBeGreaterThan(0);
    expect(rig.deviation[0]).toBeLessThan(20);
  });
});
