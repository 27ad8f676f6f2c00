import { once } from 'node:events';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { CommitFigures, commitFiguresWords } from '#marlin/buffer/commit-figures.js';
import { Crew } from './crew.js';

function makeFigures(count: number) {
  const words = new Int32Array(new SharedArrayBuffer(commitFiguresWords(count) * 4));
  return { words, figures: new CommitFigures(words, count) };
}

it('are 0 before the first commit', () => {
  const row = new Float64Array(4).fill(7);
  makeFigures(2).figures.read(row, 1);
  expect([...row]).toEqual([7, 0, 0, 0]);
});

it('are those of the last commit: steps exact, means in single precision', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.maxSafeNat(), fc.float(), fc.float(), fc.integer({ min: 1, max: 9 })), { minLength: 1 }),
      (commits) => {
        const { words, figures } = makeFigures(2);
        const row = new Float64Array(3);
        for (const [steps, first, second, divisor] of commits) {
          figures.post(steps, Float64Array.of(first, second), divisor);
          new CommitFigures(words, 2).read(row, 0);
          expect([...row]).toEqual([steps, Math.fround(first / divisor), Math.fround(second / divisor)]);
        }
      },
    ),
  );
});

it('of a writer that died half-way stay those of its commit before', () => {
  const { words, figures } = makeFigures(1);
  figures.post(10, Float64Array.of(1), 1);
  const before = words.slice();
  figures.post(20, Float64Array.of(2), 1);
  // The words that the second commit changed, in the order in which they are stored; the last is the block's number.
  const row = new Float64Array(2);
  const firstOfSecond = 1;
  for (const stored of [[], [0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]]) {
    const half = before.slice();
    for (const word of stored) half[firstOfSecond + word] = words[firstOfSecond + word] ?? 0;
    new CommitFigures(half, 1).read(row, 0);
    expect([...row]).toEqual([10, 1]);
  }
});

it('are never read half-written by another thread', async () => {
  const { words, figures } = makeFigures(3);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const crew = new Crew();
  const worker = crew.start('commit-figures-worker.js', { words, stop });
  await crew.whileNoneFails(once(worker, 'online'));
  const row = new Float64Array(4);
  let torn = 0;
  let older = 0;
  let distinct = 0;
  let last = 0;
  // Bounded, should the writer never come to run beside this thread.
  for (let reads = 0; reads < 50_000_000 && distinct < 100_000; reads++) {
    figures.read(row, 0);
    const [steps = 0, ...values] = row;
    if (values.some((value, index) => value !== (steps % 1_000) * (index + 1))) torn++;
    if (steps < last) older++;
    if (steps !== last) distinct++;
    last = steps;
  }
  Atomics.store(stop, 0, 1);
  await crew.whileNoneFails(once(worker, 'exit'));
  expect(torn).toBe(0);
  expect(older).toBe(0);
  expect(distinct).toBeGreaterThan(1_000);
});
