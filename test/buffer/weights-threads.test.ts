import { describe, expect, test } from 'vitest';
import { runWeightsThreads } from './weights-threads.js';

const timeLimitMs = 100_000;
const timeout = 2 * timeLimitMs;

describe.each(['double-buffer', 'snapshot'] as const)('weights between threads, %s', (mode) => {
  test('are whole and never older than before', { timeout }, async () => {
    const report = await runWeightsThreads({
      ...{ mode, breakage: 'none', readers: 3, bytes: 4096, oneIn: 50 },
      ...{ publications: 1_000_000, retries: 20_000, timeLimitMs },
    });
    console.log(`weights, ${mode}:`, report);
    expect(report.torn).toBe(0);
    expect(report.publications).toBeGreaterThanOrEqual(100_000);
    expect(report.retries).toBeGreaterThanOrEqual(10_000);
    if (mode === 'double-buffer') expect(report.refusals).toBeGreaterThan(0);
  });
});

// The same harness must see what each step of the protocol is there for; many pauses, so that it sees it soon.
test.each([
  ['double-buffer', 'pins ignored'],
  ['double-buffer', 'flip before copy'],
  ['double-buffer', 'no second look'],
  ['snapshot', 'no odd phase'],
  ['snapshot', 'no re-check'],
] as const)('weights, %s: it would be caught: %s', { timeout }, async (mode, breakage) => {
  const report = await runWeightsThreads({
    ...{ mode, breakage, readers: 2, bytes: 4096, oneIn: 3 },
    ...{ publications: Infinity, retries: 0, timeLimitMs },
  });
  console.log(`weights, ${mode}, ${breakage}:`, report);
  expect(report.torn).toBeGreaterThan(0);
});
