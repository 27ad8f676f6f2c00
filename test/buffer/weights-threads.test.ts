import { expect, test } from 'vitest';
import { runWeightsThreads } from './weights-threads.js';

const timeLimitMs = 100_000;
const timeout = 2 * timeLimitMs;
const bytes = 4096;
const enough = { publications: 500_000, retries: 12_000, timeLimitMs };

test('weights in a double buffer are whole and never older than before', { timeout }, async () => {
  const mode = 'double-buffer';
  const report = await runWeightsThreads({ mode, breakage: 'none', readers: 3, bytes, oneIn: 10, ...enough });
  console.log('weights, double-buffer:', report);
  expect(report.torn).toBe(0);
  expect(report.publications).toBeGreaterThanOrEqual(100_000);
  expect(report.retries).toBeGreaterThanOrEqual(10_000);
  // Publications put off because an actor held the slot.
  expect(report.refusals).toBeGreaterThan(0);
});

test('snapshots of weights are whole and never older than before', { timeout }, async () => {
  const mode = 'snapshot';
  const report = await runWeightsThreads({ mode, breakage: 'none', readers: 3, bytes, oneIn: 10, ...enough });
  console.log('weights, snapshot:', report);
  expect(report.torn).toBe(0);
  expect(report.publications).toBeGreaterThanOrEqual(100_000);
  expect(report.retries).toBeGreaterThanOrEqual(10_000);
  // A learner that publishes snapshots never waits.
  expect(report.refusals).toBe(0);
});

test.each(['double-buffer', 'snapshot'] as const)(
  'whole weights are copied without a pin: %s',
  { timeout },
  async (mode) => {
    const limits = { publications: 100_000, retries: 10_000, timeLimitMs };
    const report = await runWeightsThreads({
      mode,
      breakage: 'none',
      readers: 1,
      copiers: 2,
      bytes,
      oneIn: 10,
      ...limits,
    });
    console.log(`weights copied, ${mode}:`, report);
    expect(report.torn).toBe(0);
    expect(report.publications).toBeGreaterThanOrEqual(limits.publications);
    expect(report.retries).toBeGreaterThanOrEqual(limits.retries);
  },
);

test.each(['double-buffer', 'snapshot'] as const)(
  'copies of weights, %s: it would be caught: no re-check',
  { timeout },
  async (mode) => {
    const endless = { publications: Infinity, retries: 0, timeLimitMs };
    const report = await runWeightsThreads({
      mode,
      breakage: 'no re-check',
      readers: 0,
      copiers: 1,
      bytes,
      oneIn: 3,
      ...endless,
    });
    expect(report.torn).toBeGreaterThan(0);
  },
);

// The same harness must see what each step of the protocol is there for; many pauses, so that it sees it soon.
test.each([
  ['double-buffer', 'pins ignored'],
  ['double-buffer', 'flip before copy'],
  ['double-buffer', 'no second look'],
  ['snapshot', 'no odd phase'],
  ['snapshot', 'no re-check'],
] as const)('weights, %s: it would be caught: %s', { timeout }, async (mode, breakage) => {
  const endless = { publications: Infinity, retries: 0, timeLimitMs };
  const report = await runWeightsThreads({ mode, breakage, readers: 2, bytes, oneIn: 3, ...endless });
  console.log(`weights, ${mode}, ${breakage}:`, report);
  expect(report.torn).toBeGreaterThan(0);
});
