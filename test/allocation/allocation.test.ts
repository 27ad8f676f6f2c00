import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

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
  // What is inlined would otherwise depend on when a compilation in the background happens to end.
  '--no-concurrent-recompilation',
];

/**
 * Bytes that one warm call leaves on the heap: the least of two processes, for even so the engine sometimes settles for
 * code that boxes numbers. What our code allocates, it allocates in each.
 */
function bytesPerCall(subject: string, call: string): number {
  const script = join(import.meta.dirname, `${subject}-subject.js`);
  const outputs = [1, 2].map(() => Number(execFileSync(process.execPath, [...flags, script, call]).toString()));
  return Math.min(...outputs);
}

it.each([
  ['game', 'turn'],
  ['classic', 'cartpole'],
  ['classic', 'acrobot'],
  ['classic', 'matrix-game'],
  ['ring', 'append'],
  ['ring', 'sample'],
  ['ring', 'prioritize'],
  ['dqn', 'act'],
  ['dqn', 'step'],
  ['dqn', 'c51-act'],
  ['dqn', 'c51-step'],
  ['dqn', 'noisy-act'],
  ['dqn', 'noisy-step'],
  ['iqn', 'act'],
  ['iqn', 'step'],
  ['normalized', 'act'],
  ['normalized', 'step'],
  ['ppo', 'choice-act'],
  ['ppo', 'choice-step'],
  ['ppo', 'box-act'],
  ['ppo', 'box-step'],
  ['rollout', 'take'],
  ['run', 'turn'],
  ['run', 'train'],
])('%s: a warm %s allocates nothing', (subject, call) => {
  // Not 0: asking for the figures leaves a few objects. The smallest thing that a call could leave is a number: 16
  // bytes. (With `maxSeconds` an actor also looks at the clock now and then, which leaves some.)
  expect(bytesPerCall(subject, call)).toBeLessThan(8);
});

it('would be seen if a call left as little as one small array', () => {
  expect(bytesPerCall('dqn', 'litter')).toBeGreaterThan(16);
});

it('would be seen if a turn told of itself', () => {
  expect(bytesPerCall('run', 'observed-turn')).toBeGreaterThan(16);
});
