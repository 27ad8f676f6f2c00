import type { IterationRecord } from 'marlin-rl';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createProgress } from '#marlin/cli/progress.js';
import { resolveConfiguration } from '#marlin/system/configuration.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const iteration = {
  kind: 'iteration',
  train_steps_total: 0,
  episode_reward_mean_100: 1,
  steps_per_second: 5,
} as IterationRecord;

/** What is written where no terminal is, after so many seconds of a run that is to take 100. */
function lineAfter(seconds: number, secondsBefore?: number): string {
  let text = '';
  const output = { isTTY: false, write: (line: string) => (text += line) } as unknown as NodeJS.WriteStream;
  const configuration = resolveConfiguration({ environment: 'treasurehunt', experiment: { maxSeconds: 100 } });
  const progress = createProgress(configuration, output, secondsBefore);
  vi.advanceTimersByTime(seconds * 1000);
  progress.write(iteration);
  return text;
}

it('tells how long a run will take yet', () => {
  expect(lineAfter(10)).toContain('1 min 30 s left');
});

it('counts what a run that is resumed has taken already', () => {
  expect(lineAfter(10, 50)).toContain('40 s left');
  // A first line after two seconds of this process, as always.
  expect(lineAfter(1, 50)).toBe('');
});
