import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Bytes that one warm call leaves on the heap, measured in a process of its own. */
function bytesPerCall(call: 'turn' | 'train' | 'litter'): number {
  const flags = [
    '--expose-gc',
    // New space is made large, so that no collection hides garbage before it is counted.
    '--max-semi-space-size=64',
    '--min-semi-space-size=64',
    // A function that returns a fraction and is not inlined puts it on the heap. Which ones are depends on the engine's
    // budget and on what it happened to compile first; that is not what this test is about.
    '--max-inlined-bytecode-size=100000',
    '--max-inlined-bytecode-size-cumulative=100000',
    '--max-optimized-bytecode-size=1000000',
  ];
  const output = execFileSync(process.execPath, [...flags, join(import.meta.dirname, 'allocation.js'), call]);
  return Number(output.toString());
}

it.each(['turn', 'train'] as const)('a warm %s allocates nothing', (call) => {
  // Not 0: asking for the figures leaves a few objects, and so does the clock, every 16 turns. The smallest thing that a
  // turn could leave is a number: 16 bytes.
  expect(bytesPerCall(call)).toBeLessThan(8);
});

it('would be seen if a call left as little as one small array', () => {
  expect(bytesPerCall('litter')).toBeGreaterThan(16);
});
