import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvaluationSummary } from 'marlin-rl';
import { describe, expect, test } from 'vitest';
import { inFolder, runCommand } from './run-command.js';

const short = ['--epochs', '6', '--learning-starts', '200', '--seed', '3', '--max-turns', '50', '--quiet'];

/** Gives `work` a folder with a run in `run`. */
async function withRun(work: (folder: string) => Promise<void>, ...args: readonly string[]): Promise<void> {
  await inFolder(async (cwd) => {
    const train = ['train', 'treasurehunt', ...short, '--run-dir', 'run', ...args];
    expect(await runCommand(train, { cwd })).toMatchObject({ exitCode: 0, stderr: '' });
    await work(cwd);
  });
}

describe('marlin evaluate', () => {
  test('tells a person how the agents of a run fare', async () => {
    await withRun(async (cwd) => {
      const { exitCode, stdout, stderr } = await runCommand(['evaluate', 'run', '--episodes', '5'], { cwd });
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      const lines = stdout.split('\n');
      expect(lines[0]).toBe('Evaluated run: 5 episodes, the best action always, seed 3.');
      expect(lines[1]).toMatch(/^Reward -?[\d.]+ ± [\d.]+ \(-?[\d.]+ … -?[\d.]+\), 50\.0 turns to an episode\.$/);
      for (const [index, line] of lines.slice(2, 4).entries()) {
        expect(line).toMatch(
          new RegExp(`^  agent-${index}: .*, 50\\.0 turns; 25 training steps, weights version \\d+$`),
        );
      }
      // Nothing is written.
      expect((await readdir(join(cwd, 'run'))).toSorted()).toEqual([
        'checkpoints',
        'config.json',
        'metrics.jsonl',
        'schedule',
        'weights',
      ]);
      expect(await readdir(cwd)).toEqual(['run']);
    });
  });

  test('--json prints one line with every episode; the same for the same seed', async () => {
    await withRun(async (cwd) => {
      const evaluate = async (...args: readonly string[]): Promise<EvaluationSummary & { readonly run: string }> => {
        const { exitCode, stdout } = await runCommand(['evaluate', 'run', '--json', '--episodes', '4', ...args], {
          cwd,
        });
        expect(exitCode).toBe(0);
        expect(stdout.split('\n')).toHaveLength(2);
        return JSON.parse(stdout) as EvaluationSummary & { readonly run: string };
      };
      const first = await evaluate();
      expect(first).toMatchObject({ run: 'run', episodes: 4, greedy: true, seeds: [3], lengths: [50, 50, 50, 50] });
      expect(first.agents.map(({ id, epsilon }) => [id, epsilon])).toEqual([
        ['agent-0', 0],
        ['agent-1', 0],
      ]);
      expect(await evaluate('--seed', '3')).toEqual(first);
      const other = await evaluate('--seed', '4');
      expect(other.seeds).toEqual([4]);
      expect(other.rewards).not.toEqual(first.rewards);
      const stochastic = await evaluate('--stochastic');
      expect(stochastic.greedy).toBe(false);
      expect(stochastic.agents[0].epsilon).toBeCloseTo(1 - 0.95 * (6 / 200), 9);
      expect(stochastic.rewards).not.toEqual(first.rewards);
    });
  });

  test('says what is missing or damaged, and exits with 1', async () => {
    await withRun(async (cwd) => {
      await mkdir(join(cwd, 'empty'));
      const none = await runCommand(['evaluate', 'empty'], { cwd });
      expect(none).toMatchObject({
        exitCode: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /^marlin: empty holds no run: there is no config\.json in it\. \[ERR_RUN_DIRECTORY\]\n/,
        ),
      });
      const file = join(cwd, 'run', 'weights', 'agent-0.safetensors');
      await truncate(file, 1000);
      const damaged = await runCommand(['evaluate', 'run'], { cwd });
      expect(damaged).toMatchObject({ exitCode: 1, stdout: '' });
      expect(damaged.stderr).toMatch(/agent-0\.safetensors is no whole safetensors file: .*\[ERR_TENSOR_FILE\]\n$/);
      await rm(join(cwd, 'run', 'weights'), { recursive: true });
      const weightless = await runCommand(['evaluate', 'run'], { cwd });
      expect(weightless.stderr).toMatch(/^marlin: run holds no weights of agent-0: .*\[ERR_TENSOR_FILE\]\n/);
    });
  });

  test.each([
    [['evaluate'], /missing required argument 'run'/],
    [['evaluate', 'run', '--episodes', 'many'], /It must be a number/],
    [['evaluate', 'run', '--epsiodes', '3'], /unknown option '--epsiodes'/],
    [['train', '--evaluate-every', '0'], /experiment.evaluateEvery is 0, but must be at least 1/],
    [['train', '--evaluate-episodes', '0'], /experiment.evaluateEpisodes is 0, but must be at least 1/],
  ])('wrong usage: %j', async (args, message) => {
    const { exitCode, stderr, stdout } = await runCommand(args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(exitCode).toBe(2);
  });

  test('a bad number of episodes is refused like any setting', async () => {
    await withRun(async (cwd) => {
      const { exitCode, stderr } = await runCommand(['evaluate', 'run', '--episodes', '0'], { cwd });
      expect(stderr).toBe('marlin: evaluate.episodes is 0, but must be at least 1.\n');
      expect(exitCode).toBe(2);
    });
  });

  test('SIGINT ends it with exit code 130', async () => {
    await inFolder(async (cwd) => {
      const trial = new URL('../system/fixtures/trial.js', import.meta.url).href;
      const world = `
        import { isMainThread } from 'node:worker_threads';
        import { environment as trial } from ${JSON.stringify(trial)};
        const create = async (options) => {
          if (!isMainThread) process.stderr.write('playing');
          return trial.create(options);
        };
        export const environment = { ...trial, create };
      `;
      await writeFile(join(cwd, 'world.mjs'), world);
      const configuration = { environment: { module: './world.mjs' }, experiment: { epochs: 1 } };
      await writeFile(join(cwd, 'a.json'), JSON.stringify(configuration));
      const train = ['train', '--config', 'a.json', '--execution', 'sequential', '--run-dir', 'run', '--quiet'];
      expect(await runCommand(train, { cwd })).toMatchObject({ exitCode: 0, stderr: '' });
      let isSent = false;
      const { exitCode, stdout } = await runCommand(['evaluate', 'run', '--episodes', '10000000'], {
        cwd,
        onStderr(text, kill) {
          if (isSent || !text.includes('playing')) return;
          isSent = true;
          kill('SIGINT');
        },
      });
      expect(stdout).toBe('');
      expect(exitCode).toBe(130);
    });
  });

  test('--help names every option', async () => {
    const { exitCode, stdout } = await runCommand(['evaluate', '--help']);
    expect(exitCode).toBe(0);
    for (const option of ['--episodes', '--seed', '--stochastic', '--json']) expect(stdout).toContain(` ${option}`);
    expect(stdout).toContain('Exit codes');
  });
});

describe('marlin train --evaluate-every', () => {
  test('prints evaluations among the records', async () => {
    await inFolder(async (cwd) => {
      const args = [
        'train',
        '--epochs',
        '400',
        '--max-turns',
        '20',
        '--evaluate-every',
        '100',
        '--evaluate-episodes',
        '2',
      ];
      const { stdout, exitCode } = await runCommand([...args, '--metrics'], { cwd });
      expect(exitCode).toBe(0);
      const lines = stdout.split('\n').filter((line) => line.startsWith('@METRIC {"kind":"evaluation"'));
      expect(lines).toHaveLength(4);
      expect(JSON.parse(lines[3].slice('@METRIC '.length))).toMatchObject({ episodes_total: 400, episodes: 2 });
    });
  });
});
