// The short forms of `npm run soak`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillDisk } from '../../bench/soak/full-disk.js';
import { runWithKills } from '../../bench/soak/kills.js';
import { growthPerTenth, overCycles, overTurns } from '../../bench/soak/memory.js';
import { runTwo } from '../../bench/soak/two-runs.js';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-soak-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

describe('threads that are killed', () => {
  it.each(['dqn', 'ppo'] as const)('in every manner, %s', async (algorithm) => {
    const directory = join(scratch, `kills-${algorithm}`);
    const result = await runWithKills(directory, { algorithm, seed: 1, epochs: 60, kills: 10, pauseMs: 60 });
    expect(result).toMatchObject({ flaw: null, isReproduced: true, threadsLeft: 0, filesLeft: 0 });
    expect(result.faults).toBeGreaterThan(2);
  });

  it('leave another run in the same process alone', async () => {
    expect(await runTwo(join(scratch, 'two'), 60, 3)).toMatchObject({ areSame: true, isWhole: true, threadsLeft: 0 });
  });
});

describe('memory', () => {
  it('growth is told', () => {
    expect(growthPerTenth([50, 80, 90, 100, 102, 104, 106, 108, 110, 112])).toBeCloseTo(2, 10);
    expect(growthPerTenth([50, 80, 90, 100, 99, 100, 101, 100, 100, 100])).toBeLessThan(0.2);
  });

  it('nothing is left of a run, nor of runs one after another', async () => {
    expect(await overTurns(join(scratch, 'turns'), 20_000)).toMatchObject({ threadsLeft: 0, filesLeft: 0 });
    expect(await overCycles(join(scratch, 'cycles'), 10)).toMatchObject({ threadsLeft: 0, filesLeft: 0 });
  });
});

it('a disk that fills up before a checkpoint', async ({ skip }) => {
  const result = await fillDisk(join(scratch, 'small-disk'));
  // Only root mounts.
  if (result.skipped !== null) skip(result.skipped);
  expect(result.error).toMatch(/^ERR_(CHECKPOINT|RUN_DIRECTORY): .*(could not be written|ENOSPC)/);
  expect(result.checkpoints.length).toBeGreaterThan(0);
  expect(result).toMatchObject({ partial: 0, resumedEpochs: 60 });
});
