import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inFolder, runCommand } from './run-command.js';

const short = ['--epochs', '6', '--learning-starts', '200', '--learner-workers', '2', '--run-dir', 'run', '--quiet'];

describe('marlin train', () => {
  test('--trace leaves a trace in the run directory', async () => {
    await inFolder(async (cwd) => {
      const { exitCode, stderr } = await runCommand(['train', ...short, '--trace'], { cwd });
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      const { traceEvents } = JSON.parse(await readFile(join(cwd, 'run', 'trace.json'), 'utf8')) as {
        traceEvents: { cat?: string }[];
      };
      expect(traceEvents.filter(({ cat }) => cat === 'turn')).toHaveLength(600);
    });
  });

  test('NODE_DEBUG=marlin logs what each thread does, with the ids of threads', async () => {
    await inFolder(async (cwd) => {
      const { exitCode, stderr } = await runCommand(['train', ...short], { cwd, env: { NODE_DEBUG: 'marlin' } });
      expect(exitCode).toBe(0);
      const heads = new Map<string, string[]>();
      for (const line of stderr.trimEnd().split('\n')) {
        const [, thread, id, text] = /^MARLIN \d+: \[(\S+), thread (\d+)\] (.*)$/.exec(line) ?? [];
        expect(text).toBeDefined();
        const key = `${thread} ${id}`;
        heads.set(key, [...(heads.get(key) ?? []), text]);
      }
      const threads = [...heads.keys()].toSorted();
      expect(threads).toHaveLength(4);
      expect(threads.map((thread) => thread.split(' ')[0])).toEqual(['actor-0', 'learner-0', 'learner-1', 'main']);
      expect(new Set(threads.map((thread) => thread.split(' ')[1])).size).toBe(4);
      const [actor, learner, , main] = threads.map((thread) => heads.get(thread));
      expect(actor?.filter((line) => !line.startsWith('has waited'))).toEqual([
        'started: plays 2 agents',
        'ended after 600 turns',
      ]);
      expect(learner?.filter((line) => !line.startsWith('has waited'))).toEqual([
        'started: trains 1 policies',
        expect.stringMatching(/^first training step of agent-0 here: step 1, [\d.]+ ms$/),
        ...Array.from(
          { length: 10 },
          (_, index) => `published version ${index + 1} of agent-0 after training step ${10 * index + 10}`,
        ),
        'ended',
      ]);
      expect(main).toEqual([
        'run directory: run',
        expect.stringMatching(/^plan: async, 2 learner workers; bytes of memory: run \d+, agent-0 \d+, agent-1 \d+$/),
        'finished: 6 epochs, 600 turns, 200 training steps',
      ]);
    });
  });

  test('what a worker logs is there at once, not when its work is done', async () => {
    await inFolder(async (cwd) => {
      const args = ['train', '--epochs', '1000000', '--max-seconds', '40', '--run-dir', 'run', '--quiet'];
      let isSent = false;
      const { exitCode } = await runCommand(args, {
        cwd,
        env: { NODE_DEBUG: 'marlin' },
        onStderr(text, kill) {
          if (isSent || !text.includes('published version 3 of agent-0')) return;
          isSent = true;
          kill('SIGINT');
        },
      });
      expect(exitCode).toBe(130);
    });
  });

  test('an ordinary run has neither', async () => {
    await inFolder(async (cwd) => {
      const { stderr } = await runCommand(['train', ...short], { cwd });
      expect(stderr).toBe('');
      expect(await readdir(join(cwd, 'run'))).not.toContain('trace.json');
    });
  });
});
