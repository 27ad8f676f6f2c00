import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RandomStream } from '#marlin/random.js';
import { RecordedWindows } from '#marlin/schedule/recorded-learner.js';
import { ReplayedWindows } from '#marlin/schedule/replayed-learner.js';
import { eventKind, numbersPerStep } from '#marlin/schedule/schedule-format.js';
import type { ScheduledEvent } from '#marlin/schedule/schedule-reader.js';
import type { RigOptions } from '../buffer/ring-rig.js';
import { RingRig } from '../buffer/ring-rig.js';
import { rigs } from '../buffer/ring-shapes.js';

const settings = { exponent: 0.6, correction: { start: 0.4, end: 1, duration: 20 }, floor: 1e-6 };

/** A schedule is replayed for policies of one ring. */
function withOneRing({ rule, batchSize, seed, spec }: RigOptions, isPrioritized: boolean): RigOptions {
  const options = { rule, batchSize, seed, spec: { ...spec, rings: 1 } };
  return isPrioritized ? { ...options, priorities: settings } : options;
}

const anyRig: fc.Arbitrary<RigOptions> = fc
  .tuple(rigs, fc.boolean())
  .map(([rig, isPrioritized]) => withOneRing(rig, isPrioritized));

/** Windows whose rings move on before each look at them, and which note what they saw. */
class DisturbedWindows extends RecordedWindows {
  disturb = () => {};

  override loadClaim(ring: number): number {
    this.disturb();
    return super.loadClaim(ring);
  }

  protected override loadHead(ring: number): number {
    this.disturb();
    return super.loadHead(ring);
  }

  /** What a schedule would say of the step that was done. */
  taken(): ScheduledEvent {
    const looks = [...this.looks.values.subarray(0, this.looks.length)];
    const refusals = [...this.refusals.values.subarray(0, this.refusals.length)];
    this.clear();
    const numbers = [refusals.length, ...refusals, ...looks];
    return { kind: eventKind.tornStep, numbers: [numbers.length, ...numbers] };
  }
}

/** What a writer did: the content of its rows follows from the rig's own stream. */
type Append = readonly [ring: number, end: 'open' | 'terminated' | 'truncated'];

function errorOf(action: number): number {
  return Math.fround(((action * 7919) % 97) / 8);
}

describe('a step that is replayed by what it saw', () => {
  it('draws the batch that it drew, wherever between its looks the writers came around', () => {
    let refused = 0;
    const property = fc.property(anyRig, fc.nat(1000), fc.integer({ min: 1, max: 30 }), (options, seed, rowsAtOnce) => {
      const { rings, capacity } = options.spec;
      const random = RandomStream.named({ seed, role: 'test' });
      const appends: Append[] = [];
      const recordedWindows: DisturbedWindows[] = [];
      const recorded = new RingRig({
        ...options,
        windows: (...parts) => {
          const windows = new DisturbedWindows(...parts);
          recordedWindows.push(windows);
          return windows;
        },
      });
      const write = (ring: number, end: Append[1]): void => {
        recorded.append(ring, end);
        appends.push([ring, end]);
      };
      const [windows] = recordedWindows;
      for (let row = 0; row < capacity * rings; row++) write(row % rings, 'open');
      const steps: ScheduledEvent[] = [];
      const batches: unknown[] = [];
      windows.disturb = () => {
        if (random.integer(4) > 0) return;
        for (let left = random.integer(rowsAtOnce); left > 0; left--) {
          const ends = ['open', 'open', 'terminated', 'truncated'] as const;
          write(random.integer(rings), ends[random.integer(4)]);
        }
      };
      for (let step = 0; step < 8; step++) {
        recorded.sampler.sample();
        batches.push(recorded.sampled());
        recorded.learn(errorOf);
        const taken = windows.taken();
        refused += taken.numbers[1] ?? 0;
        steps.push(taken);
      }

      const replayedWindows: ReplayedWindows[] = [];
      const stepNumbers = numbersPerStep(rings, options.priorities !== undefined);
      const replayed: RingRig = new RingRig({
        ...options,
        windows: (buffer, plan, frames) => {
          const memory = new Uint8Array(buffer);
          const made = new ReplayedWindows(buffer, plan, frames, stepNumbers, {
            capture: () => memory.slice(0, replayed.ringEnd),
            restore: (bytes) => memory.set(bytes),
          });
          replayedWindows.push(made);
          return made;
        },
      });
      const [shown] = replayedWindows;
      let next = 0;
      steps.forEach((step, index) => {
        shown.expect(step);
        while (!shown.areReady()) replayed.append(...appends[next++]);
        shown.begin();
        replayed.sampler.sample();
        shown.end();
        expect(replayed.sampled()).toEqual(batches[index]);
        replayed.learn(errorOf);
      });
      expect(replayed.savedState()).toEqual(recorded.savedState());
    });
    fc.assert(property, { numRuns: 100 });
    expect(refused).toBeGreaterThan(1_000);
  });
});
