import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunSummary, TrainingRecord } from 'marlin-rl';
import { describe, expect, test } from 'vitest';
import { timeless } from '../system/trial-run.js';
import { command, inFolder, runCommand } from './run-command.js';

const run = [
  '--execution',
  'sequential',
  '--learning-starts',
  '100',
  '--hidden',
  '16',
  '--log-interval',
  '3',
  '--buffer-capacity',
  '500',
];
const small = ['treasurehunt', '--max-turns', '50', '--seed', '5', '--agents', '2', '--checkpoint-every', '2', ...run];
const quiet = ['--json', '--quiet'];

function hashesOf(stdout: string): readonly string[] {
  return (JSON.parse(stdout) as RunSummary).agents.map((agent) => agent.weightsHash);
}

async function recordsOf(directory: string): Promise<unknown[]> {
  const text = await readFile(join(directory, 'metrics.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => timeless(JSON.parse(line) as TrainingRecord));
}

async function checkpointsOf(directory: string): Promise<string[]> {
  return readdir(join(directory, 'checkpoints')).catch((): string[] => []);
}

/** Runs the command and kills it, as nothing can be heard of, some milliseconds after a checkpoint of this epoch is there. */
async function killedAfter(args: readonly string[], directory: string, epoch: number, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [command, 'train', ...args, '--quiet'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  try {
    const isThere = async (): Promise<boolean> => {
      return (await checkpointsOf(directory)).some((name) => /^\d+$/.test(name) && Number(name) >= epoch);
    };
    for (let looks = 0; looks < 3_000 && child.exitCode === null && !(await isThere()); looks++) await delay(5);
    await delay(afterMs);
    expect(child.exitCode, 'it had ended before it was killed').toBeNull();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

describe('marlin train --resume', () => {
  test('a run that is killed again and again comes to the bits it would have', async () => {
    await inFolder(async (cwd) => {
      const whole = await runCommand(['train', ...small, '--epochs', '200', '--run-dir', 'whole', ...quiet], { cwd });
      const directory = join(cwd, 'killed');
      await killedAfter([...small, '--epochs', '200', '--run-dir', directory], directory, 2, 7);
      await killedAfter(['--resume', directory], directory, 40, 0);
      await killedAfter(['--resume', directory], directory, 90, 13);
      const { exitCode, stdout, stderr } = await runCommand(['train', '--resume', directory, ...quiet]);
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      expect(hashesOf(stdout)).toEqual(hashesOf(whole.stdout));
      expect(await recordsOf(directory)).toEqual(await recordsOf(join(cwd, 'whole')));
      const files = await readdir(directory, { recursive: true });
      expect(files.filter((file) => file.includes('.partial'))).toEqual([]);
      expect((await checkpointsOf(directory)).toSorted()).toEqual(['00000198', '00000200']);
    });
  });

  test('--checkpoint goes on from an earlier one, with another end', async () => {
    await inFolder(async (cwd) => {
      const args = ['train', ...small, '--epochs', '6', '--run-dir', 'run', ...quiet];
      const first = await runCommand(args, { cwd });
      const again = await runCommand(['train', '--resume', 'run', '--checkpoint', '4', ...quiet], { cwd });
      expect(again.exitCode).toBe(0);
      expect(hashesOf(again.stdout)).toEqual(hashesOf(first.stdout));
      const longer = await runCommand(['train', '--resume', 'run', '--epochs', '7', ...quiet], { cwd });
      expect(JSON.parse(longer.stdout)).toMatchObject({ epochs: 7, turns: 350 });
      const over = await runCommand(['train', '--resume', 'run'], { cwd });
      expect(over).toMatchObject({ exitCode: 2, stdout: '' });
      expect(over.stderr).toContain('experiment.epochs is 7, but must be more than 7');
      const none = await runCommand(['train', '--resume', 'run', '--checkpoint', '5'], { cwd });
      expect(none).toMatchObject({ exitCode: 1, stdout: '' });
      expect(none.stderr).toContain('has no checkpoint of epoch 5: it has those of epoch 6, of epoch 7.');
    });
  });

  test.each([
    [['--resume', 'run', '--seed', '3'], '--seed cannot be given'],
    [['--resume', 'run', '--run-dir', 'other'], '--run-dir cannot be given'],
    [['--resume', 'run', '--set', 'experiment.seed=3'], '--set cannot be given'],
    [['--resume', 'run', '--config', 'a.json'], '--config cannot be given'],
    [['--resume', 'run', '--checkpoint-every', '3'], '--checkpoint-every cannot be given'],
    [['treasurehunt', '--resume', 'run'], 'the game treasurehunt cannot be given'],
    [['--checkpoint', '3'], '--checkpoint says where to go on with the run that --resume names'],
  ])('%j is refused with exit code 2', async (args, reason) => {
    await inFolder(async (cwd) => {
      const { exitCode, stdout, stderr } = await runCommand(['train', ...args], { cwd });
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toContain(reason);
      expect(await readdir(cwd)).toEqual([]);
    });
  });

  test('SIGUSR2 has a checkpoint written, and the run goes on', async () => {
    await inFolder(async (cwd) => {
      let [isAsked, isEnded] = [false, false];
      const args = ['train', 'treasurehunt', ...run, '--epochs', '1000000', '--run-dir', 'run', '--json'];
      const { exitCode, stderr } = await runCommand(args, {
        cwd,
        onStderr(text, kill) {
          if (!isAsked && text.includes('epoch ')) kill('SIGUSR2');
          isAsked ||= text.includes('epoch ');
          if (!isEnded && text.includes(' written.')) kill('SIGINT');
          isEnded ||= text.includes(' written.');
        },
      });
      expect(exitCode).toBe(130);
      const [, epoch] = /Checkpoint of epoch (\d+) written\./.exec(stderr) ?? [];
      expect(await checkpointsOf(join(cwd, 'run'))).toContain(epoch.padStart(8, '0'));
    });
  });
});
