import { describe, expect, test } from 'vitest';
import { minimumCapacity } from '#marlin/buffer/ring-plan.js';
import { patternRows } from './ring-canary.js';
import { batchSize, rule, runRingThreads } from './ring-threads.js';

// Two actors with two rings each, and a sampler: three threads, on two cores.
const crowd = { actors: 2, ringsPerActor: 2, capacity: 300, oneIn: 50 };

describe('rings between threads', () => {
  test('never give a torn transition', { timeout: 240_000 }, async () => {
    const report = await runRingThreads({ ...crowd, breakage: 'none', samples: 10_000_000, redraws: 20_000 });
    console.log('rings:', report);
    expect(report.torn).toBe(0);
    expect(report.samples).toBeGreaterThanOrEqual(10_000_000);
    expect(report.redraws).toBeGreaterThanOrEqual(20_000);
    expect(report.rows).toBeGreaterThan(1_000_000);
  });

  test('never give a torn transition that is drawn by priority', { timeout: 240_000 }, async () => {
    const priorities = { exponent: 0.6, correction: { start: 0.4, end: 1, duration: 1000 }, floor: 0.01 };
    const report = await runRingThreads({
      ...crowd,
      breakage: 'none',
      samples: 1_000_000,
      redraws: 1_000,
      priorities,
    });
    console.log('rings drawn by priority:', report);
    expect(report.torn).toBe(0);
    expect(report.redraws).toBeGreaterThanOrEqual(1_000);
  });

  test('never give a torn transition while their writers die and are replaced', { timeout: 240_000 }, async () => {
    const report = await runRingThreads({
      ...crowd,
      breakage: 'none',
      samples: 4_000_000,
      redraws: 50,
      // Long against the start of a thread, also on a busy machine: a writer must come to write before it dies.
      writerLifeMs: 250,
    });
    console.log('rings whose writers die:', report);
    expect(report.torn).toBe(0);
    expect(report.deaths).toBeGreaterThanOrEqual(10);
  });

  // The same harness must see what each step of the protocol is there for. One small ring and many pauses, so that it
  // sees it soon. A slot has the same place in an episode on each lap: where it has not, the sampler's look at the
  // episode step alone refuses most rows that another protocol error would let through.
  test.each(['claim after fill', 'head before data', 'no validation'] as const)(
    'would be caught: %s',
    { timeout: 240_000 },
    async (breakage) => {
      const capacity = Math.ceil(minimumCapacity(batchSize, rule.steps, rule.frames) / patternRows) * patternRows;
      const pressure = { actors: 1, ringsPerActor: 1, capacity, oneIn: 3 };
      const report = await runRingThreads({ ...pressure, breakage, samples: 20_000_000, redraws: 0 });
      console.log(`rings, ${breakage}:`, report);
      expect(report.torn).toBeGreaterThan(0);
    },
  );
});
