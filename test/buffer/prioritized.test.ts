import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PrioritySettings } from '#marlin/buffer/priority-plan.js';
import { leafOf } from './plain-priorities.js';
import type { RigOptions } from './ring-rig.js';
import { RingRig } from './ring-rig.js';
import { expectSampled, randomEnd, rigs } from './ring-shapes.js';

const priorities: fc.Arbitrary<PrioritySettings> = fc.record({
  exponent: fc.constantFrom(0, 0.6, 1),
  correction: fc.record({
    start: fc.constantFrom(0, 0.4, 1),
    end: fc.constantFrom(0.5, 1),
    duration: fc.constantFrom(1, 5, 20),
  }),
  floor: fc.constantFrom(1e-6, 0.1),
});

const prioritized: fc.Arbitrary<RigOptions> = fc
  .tuple(rigs, priorities)
  .map(([rig, settings]) => Object.assign(rig, { priorities: settings }));

/** Between 0 and 12, the same for the same action each time. */
function errorOf(action: number): number {
  return Math.fround(((action * 7919) % 97) / 8);
}

/** Leaves as a plain map by action. */
class LeafModel {
  leaves = new Map<number, number>();
  top = 1;
  trainingSteps = 0;
  readonly #settings: PrioritySettings;

  constructor({ priorities: settings }: RigOptions) {
    if (settings === undefined) throw new Error('The rig draws uniformly.');
    this.#settings = settings;
  }

  /** What may be drawn now. */
  see(actions: Iterable<number>): void {
    this.leaves = new Map([...actions].map((action) => [action, this.leaves.get(action) ?? this.top]));
  }

  learn(actions: readonly number[]): void {
    const { floor, exponent } = this.#settings;
    for (const action of actions) {
      const leaf = leafOf(errorOf(action), floor, exponent);
      this.leaves.set(action, leaf);
      this.top = Math.max(this.top, leaf);
    }
    this.trainingSteps++;
  }

  /** (N · P)^−β over the largest, by the letter. */
  weights(actions: readonly number[]): number[] {
    const { start, end, duration } = this.#settings.correction;
    const beta = start + (end - start) * Math.min(1, this.trainingSteps / duration);
    const total = [...this.leaves.values()].reduce((sum, leaf) => sum + leaf, 0);
    const own = actions.map((action) => (this.leaves.size * ((this.leaves.get(action) ?? 0) / total)) ** -beta);
    return own.map((weight) => weight / Math.max(...own));
  }

  copy(options: RigOptions): LeafModel {
    return Object.assign(new LeafModel(options), {
      leaves: new Map(this.leaves),
      top: this.top,
      trainingSteps: this.trainingSteps,
    });
  }
}

function actionsOf(rig: RingRig): number[] {
  return rig.sampled().map(({ action }) => action);
}

function sorted(leaves: Map<number, number>): [number, number][] {
  return [...leaves].toSorted(([left], [right]) => left - right);
}

/** One batch, held against the models, and what is learnt of it. */
function trainStep(rig: RingRig, model: LeafModel): void {
  rig.sampler.sample();
  model.see(rig.expected().keys());
  expect(sorted(rig.leaves())).toEqual(sorted(model.leaves));
  expectSampled(rig, rig.expected());
  const expected = model.weights(actionsOf(rig));
  rig.sampled().forEach(({ weight }, index) => expect(weight).toBeCloseTo(expected[index], 5));
  model.learn(actionsOf(rig));
  rig.learn(errorOf);
  expect(sorted(rig.leaves())).toEqual(sorted(model.leaves));
  expect(rig.topLeaf).toBe(model.top);
}

/** Actions and weights of 20 batches. */
function drawsOf(options: RigOptions): number[][] {
  const rig = new RingRig(options);
  return Array.from({ length: 20 }, () => {
    do rig.append(0, randomEnd(rig));
    while (rig.expected().size === 0);
    rig.sampler.sample();
    rig.learn(errorOf);
    return rig.sampled().flatMap(({ action, weight }) => [action, weight]);
  });
}

describe('prioritized replay', () => {
  it('has a leaf for each transition that may be drawn, as it was learnt or at the top, and weights that follow', () => {
    let steps = 0;
    const property = fc.property(prioritized, (options) => {
      const rig = new RingRig(options);
      const model = new LeafModel(options);
      for (let step = 0; step < 5 * options.spec.capacity; step++) {
        const ring = rig.random.integer(options.spec.rings);
        if (rig.random.integer(20) === 0) rig.replaceWriter(ring, randomEnd(rig));
        else rig.append(ring, randomEnd(rig));
        if (rig.random.integer(12) > 0 || rig.expected().size === 0) continue;
        trainStep(rig, model);
        steps++;
      }
      expect(rig.sampler.redraws).toBe(0);
    });
    fc.assert(property, { numRuns: 100 });
    expect(steps).toBeGreaterThan(1000);
  });

  it('draws each transition by its share', () => {
    const property = fc.property(prioritized, fc.integer({ min: 1, max: 200 }), (options, rows) => {
      const rig = new RingRig(options);
      for (let row = 0; row < rows; row++) rig.append(rig.random.integer(options.spec.rings), randomEnd(rig));
      if (rig.expected().size < 2) return;
      for (let step = 0; step < 30; step++) {
        rig.sampler.sample();
        rig.learn(errorOf);
      }
      const leaves = rig.leaves();
      const total = [...leaves.values()].reduce((sum, leaf) => sum + leaf, 0);
      const drawn = new Map([...leaves.keys()].map((action) => [action, 0]));
      const batches = Math.ceil((60 * leaves.size) / options.batchSize);
      for (let batch = 0; batch < batches; batch++) {
        rig.sampler.sample();
        for (const action of actionsOf(rig)) drawn.set(action, (drawn.get(action) ?? Number.NaN) + 1);
      }
      const draws = batches * options.batchSize;
      for (const [action, leaf] of leaves) {
        const mean = (draws * leaf) / total;
        // Six standard deviations of independent draws; those from parts of the whole spread less.
        const bound = 6 * Math.sqrt(mean) + 6;
        expect(Math.abs((drawn.get(action) ?? 0) - mean)).toBeLessThan(bound);
      }
    });
    fc.assert(property, { numRuns: 40 });
  });

  it('goes on from a commit wherever its thread died, and what was learnt before is known', () => {
    let deaths = 0;
    const property = fc.property(prioritized, fc.integer({ min: 1, max: 40 }), (options, callsToDeath) => {
      const rig = new RingRig(options);
      const model = new LeafModel(options);
      const append = (rows: number) => {
        for (let row = 0; row < rows; row++) rig.append(rig.random.integer(options.spec.rings), randomEnd(rig));
      };
      do append(options.spec.capacity);
      while (rig.expected().size === 0);
      for (let life = 0; life < 4; life++) {
        for (let step = 0; step < 5; step++) {
          append(rig.random.integer(10));
          trainStep(rig, model);
        }
        const saved = rig.savedState();
        const committed = model.copy(options);
        let calls = callsToDeath;
        try {
          for (let step = 0; step < 5; step++) {
            append(rig.random.integer(rig.random.integer(4) === 0 ? 3 * options.spec.capacity : 10));
            rig.sampleInterrupted(() => {
              if (calls-- <= 0) throw new Error('The learner died.');
            });
            rig.learn((action) => errorOf(action) + 1);
          }
        } catch (thrown) {
          if (!(thrown instanceof Error) || thrown.message !== 'The learner died.') throw thrown;
          deaths++;
        }
        rig.recover(saved);
        Object.assign(model, committed);
      }
    });
    fc.assert(property, { numRuns: 60 });
    expect(deaths).toBeGreaterThan(50);
  });

  it('gives whole transitions, wherever between its steps the writers come around, and learns each as itself', () => {
    let redraws = 0;
    const property = fc.property(prioritized, fc.integer({ min: 1, max: 30 }), (options, rowsAtOnce) => {
      const rig = new RingRig(options);
      const { capacity, rings } = options.spec;
      const settings = options.priorities;
      if (settings === undefined) return;
      const tops = new Set([Math.fround(rig.topLeaf)]);
      const writeSome = () => {
        if (rig.random.integer(4) > 0) return;
        for (let left = rig.random.integer(rowsAtOnce); left > 0; left--) {
          const ring = rig.random.integer(rings);
          if (rig.random.integer(3) === 0) rig.replaceWriter(ring, randomEnd(rig));
          else rig.append(ring, randomEnd(rig));
        }
      };
      for (let step = 0; step < capacity * rings || rig.expected().size === 0; step++) rig.append(step % rings, 'open');
      for (let batch = 0; batch < 10; batch++) {
        rig.sampleInterrupted(writeSome);
        expectSampled(rig, rig.expected(Infinity));
        for (const { weight } of rig.sampled()) {
          expect(weight).toBeGreaterThan(0);
          expect(weight).toBeLessThanOrEqual(1);
        }
        rig.learn(errorOf);
        tops.add(rig.topLeaf);
      }
      redraws += rig.sampler.redraws;
      // Once nobody disturbs it, each leaf is that of the transition in its row.
      while (rig.expected().size === 0) rig.append(0, 'terminated');
      rig.sampler.sample();
      expect([...rig.leaves().keys()].toSorted()).toEqual([...rig.expected().keys()].toSorted());
      for (const [action, leaf] of rig.leaves()) {
        const own = leafOf(errorOf(action), settings.floor, settings.exponent);
        expect(leaf === own || tops.has(leaf)).toBe(true);
      }
    });
    fc.assert(property, { numRuns: 100 });
    expect(redraws).toBeGreaterThan(1000);
  });

  it('comes to the same draws from the same seed', () => {
    const property = fc.property(prioritized, (options) => {
      expect(drawsOf(options)).toEqual(drawsOf(options));
    });
    fc.assert(property, { numRuns: 20 });
  });

  it('forgets all that it knew where a lap or more passed unseen', () => {
    const options = fc.sample(prioritized, { numRuns: 1, seed: 3 })[0];
    const rig = new RingRig({ ...options, spec: { ...options.spec, rings: 1 } });
    const model = new LeafModel(options);
    for (let row = 0; row < options.spec.capacity; row++) rig.append(0, 'open');
    trainStep(rig, model);
    const saved = rig.savedState();
    for (let row = 0; row < 10 * options.spec.capacity; row++) rig.append(0, randomEnd(rig));
    rig.recover(saved);
    trainStep(rig, model);
    expect(rig.leaves().size).toBe(rig.expected().size);
  });

  it('asked for a batch while it is empty, says so at once; and refuses an error that is no number', () => {
    const property = fc.property(prioritized, (options) => {
      const rig = new RingRig({ ...options, priorities: { ...(options.priorities as PrioritySettings), exponent: 1 } });
      expect(rig.sampler.ready()).toBe(false);
      expect(() => rig.sampler.sample()).toThrow(expect.objectContaining({ code: 'ERR_NO_ELIGIBLE_ROW' }));
      while (rig.expected().size === 0) rig.append(0, 'terminated');
      rig.sampler.sample();
      expect(() => rig.learn(() => Number.NaN)).toThrow(expect.objectContaining({ code: 'ERR_NOT_FINITE' }));
    });
    fc.assert(property, { numRuns: 10 });
  });
});
