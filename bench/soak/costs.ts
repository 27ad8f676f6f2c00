import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainMessage } from 'marlin-rl';
import { MarlSystem } from 'marlin-rl';
import { LearnerState } from '#marlin/learner/learner-state.js';
import { readCheckpoint, writeCheckpoint } from '#marlin/system/checkpoint-files.js';
import { Checkpoints } from '#marlin/system/checkpoints.js';
import { spreadText } from './figures.js';
import type { SoakTask } from './task.js';

interface CostsResult {
  /** Of the time of training steps, commits included. */
  readonly commitShare: number;
  readonly commitMicroseconds: number;
  readonly takeMs: number;
  readonly writeMs: number;
  readonly megabytes: number;
}

/** Calls a method of a class and adds up what it takes. */
function timed<Owner extends object>(
  owner: Owner,
  method: keyof Owner,
): { ms: number; calls: number; restore(): void } {
  const usual = owner[method] as (...parts: unknown[]) => unknown;
  const total = { ms: 0, calls: 0, restore: () => void (owner[method] = usual as never) };
  owner[method] = function (this: unknown, ...parts: unknown[]): unknown {
    const began = performance.now();
    const result = usual.apply(this, parts);
    total.ms += performance.now() - began;
    total.calls++;
    return result;
  } as never;
  return total;
}

/** Sequential, for there everything is on this thread: treasurehunt at the defaults. */
async function measure(directory: string, seed: number): Promise<CostsResult> {
  let trainingMs = 0;
  const onTrain = (message: unknown): void => void (trainingMs += (message as TrainMessage).durationMs);
  subscribe('marlin:train', onTrain);
  const commits = timed(LearnerState.prototype, 'commit');
  const takes = timed(Checkpoints.prototype, 'take');
  try {
    await new MarlSystem({
      environment: 'treasurehunt',
      experiment: { epochs: 200, seed, checkpointEvery: 50 },
      parallel: { execution: 'sequential' },
      output: { directory },
    }).run();
  } finally {
    unsubscribe('marlin:train', onTrain);
    commits.restore();
    takes.restore();
  }
  const checkpoint = await readCheckpoint(directory, true);
  const began = performance.now();
  await writeCheckpoint(`${directory}-copy`, checkpoint, 2);
  const writeMs = performance.now() - began;
  const folder = join(directory, 'checkpoints', '00000200');
  const sizes = await Promise.all((await readdir(folder)).map(async (file) => (await stat(join(folder, file))).size));
  return {
    commitShare: commits.ms / trainingMs,
    commitMicroseconds: (commits.ms / commits.calls) * 1_000,
    takeMs: takes.ms / takes.calls,
    writeMs,
    megabytes: sizes.reduce((total, size) => total + size, 0) / 1e6,
  };
}

export const costs: SoakTask<CostsResult> = {
  name: 'costs',
  title: 'What commits and checkpoints cost (treasurehunt, two DQN agents, defaults)',
  rounds: 9,
  round: async (index, scratch) => measure(join(scratch, `costs-${index}`), index),
  findings(results) {
    const shares = results.map((result) => result.commitShare * 100);
    const of = (key: keyof CostsResult): number[] => results.map((result) => result[key]);
    const median = shares.toSorted((left, right) => left - right)[shares.length >> 1];
    return [
      {
        what: 'commits, of the time of training',
        bar: 'median ≤ 2 %',
        seen: spreadText(shares, '%', 2),
        isMet: median <= 2,
      },
      { what: 'one commit', seen: spreadText(of('commitMicroseconds'), 'µs', 1) },
      { what: 'taking a checkpoint, while threads stand still', seen: spreadText(of('takeMs'), 'ms', 1) },
      { what: 'writing it, beside training', seen: spreadText(of('writeMs'), 'ms') },
      { what: 'its size, rings of 10 000 rows included', seen: spreadText(of('megabytes'), 'MB', 2) },
    ];
  },
};
