import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSummary, TrainingRecord } from 'marlin-rl';
import { describe, expect, test } from 'vitest';
import { inFolder, runCommand } from './run-command.js';

const short = ['--epochs', '12', '--learning-starts', '200', '--seed', '3'];

function summaryOf(stdout: string): RunSummary {
  const lines = stdout.split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toBe('');
  return JSON.parse(lines[0]) as RunSummary;
}

function recordsOf(text: string): TrainingRecord[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as TrainingRecord);
}

describe('marlin train', () => {
  test('tells a person how it went and where the run lies', async () => {
    await inFolder(async (cwd) => {
      const { exitCode, stdout, stderr } = await runCommand(['train', 'treasurehunt', ...short], { cwd });
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^Trained 12 epochs, 1,200 turns, 500 training steps in /);
      expect(stdout).toMatch(/Mean reward of the last 12 epochs: -?\d+\.\d; random actions: \d+\.\d/);
      expect(stdout).toMatch(/agent-1: 250 training steps, all that were owed/);
      const [, directory] = /The run lies in (\S+)\.\n$/.exec(stdout) ?? [];
      const files = (await readdir(join(cwd, directory))).toSorted();
      expect(files).toEqual(['checkpoints', 'config.json', 'metrics.jsonl', 'schedule', 'weights']);
      // No terminal: no colours, no line that is drawn over.
      // oxlint-disable-next-line no-control-regex
      expect(stdout + stderr).not.toMatch(/[\u001b\r]/);
    });
  });

  test('--json prints one line of summary on standard output and nothing else, progress or not', async () => {
    await inFolder(async (cwd) => {
      const quiet = await runCommand(['train', ...short, '--json', '--quiet', '--execution', 'sequential'], { cwd });
      expect(quiet.stderr).toBe('');
      const env = { CONTROLLER_METRICS: '1' };
      const again = await runCommand(['train', ...short, '--json', '--execution', 'sequential'], { cwd, env });
      const [first, second] = [summaryOf(quiet.stdout), summaryOf(again.stdout)];
      expect(first.epochs).toBe(12);
      expect(first.agents.map((agent) => agent.trainSteps)).toEqual([250, 250]);
      expect(second.agents.map((agent) => agent.weightsHash)).toEqual(first.agents.map((agent) => agent.weightsHash));
      expect(second.directory).not.toBe(first.directory);
    });
  });

  test('--metrics prints the records as @METRIC lines, episodes left out', async () => {
    await inFolder(async (cwd) => {
      const args = ['train', ...short, '--metrics', '--log-interval', '4', '--run-dir', 'here'];
      const { exitCode, stdout } = await runCommand(args, { cwd });
      expect(exitCode).toBe(0);
      const lines = stdout.split('\n').filter((line) => line.startsWith('@METRIC '));
      const printed = lines.map((line) => JSON.parse(line.slice('@METRIC '.length)) as TrainingRecord);
      expect(printed.map((record) => record.kind)).toEqual(['iteration', 'iteration', 'iteration', 'done']);
      const written = recordsOf(await readFile(join(cwd, 'here', 'metrics.jsonl'), 'utf8'));
      expect(written.filter((record) => record.kind !== 'episode')).toEqual(printed);
      expect(written.filter((record) => record.kind === 'episode')).toHaveLength(12);
    });
  });

  test('flags win over the configuration file, and --set over all', async () => {
    await inFolder(async (cwd) => {
      const configuration = {
        environment: 'treasurehunt',
        environmentOptions: { height: 9, width: 9 },
        agents: { count: 1, algorithm: { hiddenSizes: [8] } },
        experiment: { epochs: 3, seed: 1, maxTurns: 20 },
        parallel: { learningStarts: 10, batchSize: 8 },
      };
      await writeFile(join(cwd, 'a.json'), JSON.stringify(configuration));
      const args = ['--config', 'a.json', '--epochs', '5', '--seed', '2', '--set', 'experiment.seed=7'];
      const more = ['--set', 'agents.algorithm.targetUpdate={"kind":"soft","tau":0.01}', '--run-dir', 'run'];
      const { exitCode, stdout } = await runCommand(['train', ...args, ...more, '--json', '--quiet'], { cwd });
      expect(exitCode).toBe(0);
      const summary = summaryOf(stdout);
      expect([summary.epochs, summary.turns, summary.agents.length]).toEqual([5, 100, 1]);
      const written = JSON.parse(await readFile(join(cwd, 'run', 'config.json'), 'utf8')) as {
        configuration: Record<string, Record<string, unknown>> & { agents: unknown[] };
      };
      expect(written.configuration['experiment']).toMatchObject({ seed: 7, epochs: 5, totalTurns: 'Infinity' });
      expect(written.configuration.agents).toMatchObject([
        { id: 'agent-0', algorithm: { name: 'dqn', hiddenSizes: [8], targetUpdate: { kind: 'soft', tau: 0.01 } } },
      ]);
    });
  });

  test('--preset gives settings and rates, over which flags win', async () => {
    await inFolder(async (cwd) => {
      const args = ['--algorithm', 'iqn', '--preset', 'source', '--hidden', '16,8', '--buffer-capacity', '500'];
      const more = [
        '--set',
        'agents.algorithm.epsilon.start=0.3',
        '--epochs',
        '3',
        '--agents',
        '1',
        '--run-dir',
        'run',
      ];
      const { exitCode, stdout } = await runCommand(['train', ...args, ...more, '--json', '--quiet'], { cwd });
      expect(exitCode).toBe(0);
      expect(summaryOf(stdout).agents.map(({ trainSteps }) => trainSteps)).toEqual([3]);
      const written = JSON.parse(await readFile(join(cwd, 'run', 'config.json'), 'utf8')) as {
        configuration: { agents: unknown[]; parallel: unknown };
      };
      expect(written.configuration.parallel).toMatchObject({ trainInterval: 100, bufferCapacity: 500 });
      const epsilon = { kind: 'decay', start: 0.3, factor: 0.9995 };
      expect(written.configuration.agents).toMatchObject([
        { algorithm: { name: 'iqn', hiddenSizes: [16, 8], discount: 0.99, epsilon } },
      ]);
    });
  });

  test('the config.json of a run starts the same run again', async () => {
    await inFolder(async (cwd) => {
      const common = ['--execution', 'sequential', '--json', '--quiet'];
      const first = await runCommand(['train', ...short, ...common, '--run-dir', 'one'], { cwd });
      const args = ['train', '--config', join('one', 'config.json'), '--run-dir', 'two', '--json', '--quiet'];
      const second = await runCommand(args, { cwd });
      expect(second.stderr).toBe('');
      const hashes = [first, second].map(({ stdout }) => summaryOf(stdout).agents.map((agent) => agent.weightsHash));
      expect(hashes[1]).toEqual(hashes[0]);
    });
  });

  test('a configuration may be a module', async () => {
    await inFolder(async (cwd) => {
      const text = `export default { environment: 'treasurehunt', experiment: { epochs: 2, seed: 1 } };`;
      await writeFile(join(cwd, 'a.mjs'), text);
      const args = ['train', '--config', 'a.mjs', '--json', '--quiet'];
      expect(summaryOf((await runCommand(args, { cwd })).stdout).epochs).toBe(2);
      await writeFile(join(cwd, 'a.ts'), `const epochs: number = 2;\n${text}`);
      const { exitCode, stdout, stderr } = await runCommand(['train', '--config', 'a.ts', '--json', '--quiet'], {
        cwd,
      });
      // Node strips types itself from 22.18 on; before, it takes tsx, which is not installed here.
      const [major, minor] = process.versions.node.split('.').map(Number);
      const stripsTypes = major > 22 || (major === 22 && minor >= 18);
      expect(exitCode).toBe(stripsTypes ? 0 : 2);
      const refusal = /^marlin: --config is "a.ts", but must be a module that can be loaded .*tsx/;
      expect(stripsTypes ? stdout : stderr).toMatch(stripsTypes ? /^\{.*"epochs":2,/ : refusal);
    });
  });

  test('SIGINT ends the run in good order: whole files, a summary, exit code 130', async () => {
    await inFolder(async (cwd) => {
      for (const execution of ['async', 'sequential']) {
        let isSent = false;
        const args = ['train', '--epochs', '100000', '--execution', execution, '--run-dir', execution, '--json'];
        const { exitCode, stdout, stderr } = await runCommand(args, {
          cwd,
          onStderr(text, kill) {
            if (isSent || !text.includes('epoch ')) return;
            isSent = true;
            kill('SIGINT');
          },
        });
        expect(exitCode).toBe(130);
        expect(stderr).toContain('Ending the run');
        const summary = summaryOf(stdout);
        expect(summary.reason).toBe('stopped');
        const records = recordsOf(await readFile(join(cwd, execution, 'metrics.jsonl'), 'utf8'));
        expect(records.at(-1)).toMatchObject({ kind: 'done', reason: 'stopped', timesteps_total: summary.turns });
        expect(records.filter((record) => record.kind === 'episode')).toHaveLength(summary.epochs);
        for (const agent of summary.agents) expect(agent.trainSteps).toBe(agent.owedTrainSteps);
      }
    });
  });

  test.each([
    ['standard output', ['--metrics', '--log-interval', '1']],
    ['standard error', []],
  ] as const)('a reader of %s that goes away ends the run in good order', async (which, flags) => {
    await inFolder(async (cwd) => {
      const args = ['train', '--epochs', '100000', '--run-dir', 'run', ...flags];
      const stream = which === 'standard output' ? 'stdout' : 'stderr';
      const { exitCode } = await runCommand(args, { cwd, leaveAfterFirst: stream });
      expect(exitCode).toBe(1);
      const records = recordsOf(await readFile(join(cwd, 'run', 'metrics.jsonl'), 'utf8'));
      expect(records.at(-1)).toMatchObject({ kind: 'done', reason: 'stopped' });
    });
  });

  test('SIGTERM ends the run in good order with exit code 143', async () => {
    await inFolder(async (cwd) => {
      let isSent = false;
      const { exitCode, stderr } = await runCommand(['train', '--epochs', '100000'], {
        cwd,
        onStderr(text, kill) {
          if (isSent || !text.includes('epoch ')) return;
          isSent = true;
          kill('SIGTERM');
        },
      });
      expect(exitCode).toBe(143);
      expect(stderr).toContain('Ending the run');
    });
  });

  test('flags win over the config.json of an earlier run', async () => {
    await inFolder(async (cwd) => {
      const first = ['train', '--epochs', '2', '--max-turns', '30', '--run-dir', 'first', '--quiet'];
      expect((await runCommand(first, { cwd })).exitCode).toBe(0);
      const args = ['train', '--config', 'first/config.json', '--max-turns', '50', '--json', '--quiet'];
      const { exitCode, stdout, stderr } = await runCommand(args, { cwd });
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      expect(summaryOf(stdout)).toMatchObject({ epochs: 2, turns: 100 });
    });
  });
});
