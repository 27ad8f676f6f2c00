import { spawnSync } from 'node:child_process';
import { mkdir, readdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MarlSystem, resumeRun } from 'marlin-rl';
import type { SoakTask } from './task.js';

interface FullDiskResult {
  /** Why it could not be tried; null where it was. */
  readonly skipped: string | null;
  readonly error: string;
  readonly checkpoints: readonly string[];
  readonly partial: number;
  readonly resumedEpochs: number;
}

function mount(...flags: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', ...flags]);
  return status === 0 ? undefined : (error?.message ?? stderr.toString().trim());
}

/** A run whose disk is filled by somebody else while it goes on: the next checkpoint finds no room. */
export async function fillDisk(folder: string): Promise<FullDiskResult> {
  await mkdir(folder, { recursive: true });
  const skipped = mount('-o', 'size=24m', 'tmpfs', folder) ?? null;
  const nothing = { skipped, error: '', checkpoints: [], partial: 0, resumedEpochs: 0 };
  if (skipped !== null) return nothing;
  try {
    const directory = join(folder, 'run');
    let error = '';
    const system = new MarlSystem({
      environment: 'treasurehunt',
      experiment: { epochs: 400, checkpointEvery: 20 },
      output: { directory, schedule: false },
    });
    let isFull = false;
    system.addSink({
      write(record) {
        if (record.kind !== 'episode' || record.episode < 45 || isFull) return;
        isFull = true;
        // Room for records is left for a while, not for a checkpoint.
        void fill(join(folder, 'somebody-else'), 100_000);
      },
      close: async () => {},
    });
    await system.run().catch((failure: Error & { code?: string }) => {
      error = `${failure.code}: ${failure.message.replaceAll(folder, '')}`;
    });
    const entries = await readdir(join(directory, 'checkpoints'));
    mount('-o', 'remount,size=64m', 'tmpfs', folder);
    const summary = await (await resumeRun(directory, { epochs: 60 })).run();
    return {
      ...nothing,
      error,
      checkpoints: entries.filter((entry) => !entry.includes('partial')),
      partial: entries.filter((entry) => entry.includes('partial')).length,
      resumedEpochs: summary.epochs,
    };
  } finally {
    spawnSync('umount', [folder]);
  }
}

/** Fills what is left of the disk, but for so many bytes. */
async function fill(path: string, spare: number): Promise<void> {
  const { bavail, bsize } = await statfs(join(path, '..'));
  await writeFile(path, new Uint8Array(Math.max(0, bavail * bsize - spare))).catch(() => {});
}

export const fullDisk: SoakTask<FullDiskResult> = {
  name: 'full-disk',
  title: 'A disk that fills up before a checkpoint',
  rounds: 1,
  round: async (_, scratch) => fillDisk(join(scratch, 'small-disk')),
  findings: ([result]) => [
    {
      what: 'the run fails and says why; what it had written before is whole, and it goes on from there once there is room',
      bar: 'yes',
      seen:
        result.skipped === null
          ? `\`${result.error}\`; checkpoints ${result.checkpoints.join(', ')}, half written ones ${result.partial}; resumed to epoch ${result.resumedEpochs}`
          : `not tried: ${result.skipped}`,
      isMet:
        result.skipped === null
          ? /^ERR_(CHECKPOINT|RUN_DIRECTORY)/.test(result.error) &&
            result.checkpoints.length > 0 &&
            result.partial === 0 &&
            result.resumedEpochs === 60
          : undefined,
    },
  ],
};
