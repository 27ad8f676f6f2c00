import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Bytes that one warm call leaves on the heap, measured in a process of its own. */
function bytesPerCall(call: 'step' | 'act' | 'litter'): number {
  // New space is made large, so that no collection hides garbage before it is counted.
  const flags = ['--expose-gc', '--max-semi-space-size=64', '--min-semi-space-size=64'];
  const output = execFileSync(process.execPath, [...flags, join(import.meta.dirname, 'allocation.js'), call]);
  return Number(output.toString());
}

it.each(['step', 'act'] as const)('a warm %s allocates nothing', (call) => {
  // Not 0: asking for the figures itself leaves a few objects. One number on the heap a call would be 12 bytes.
  expect(bytesPerCall(call)).toBeLessThan(4);
});

it('would be seen if a call left as little as one small array', () => {
  expect(bytesPerCall('litter')).toBeGreaterThan(12);
});
