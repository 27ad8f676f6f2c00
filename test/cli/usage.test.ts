import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inFolder, runCommand } from './run-command.js';

describe('wrong usage', () => {
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [['trian'], /unknown command 'trian'\n\(Did you mean train\?\)/],
    [['train', '--epoks', '3'], /unknown option '--epoks'/],
    [['train', '--epochs', 'many'], /'--epochs <n>' argument 'many' is invalid. It must be a number/],
    [['train', '--epochs', '0'], /experiment.epochs is 0, but must be at least 1/],
    [['train', '--steps', '1.5'], /experiment.totalTurns is 1.5, but must be a whole number/],
    [['train', 'chess'], /environment is "chess", but must be one of treasurehunt/],
    [['train', '--agents', '0'], /agents.count is 0, but must be at least 1/],
    [['train', '--algorithm', 'sarsa'], /'--algorithm <name>' argument 'sarsa' is invalid/],
    [['train', '--hidden', '64,x'], /'--hidden <sizes>' argument '64,x' is invalid/],
    [['train', '--buffer-capacity', '100'], /parallel.bufferCapacity is 100, but must be at least 148/],
    [['train', '--learner-workers', 'many'], /parallel.learnerWorkers is "many", but must be/],
    [['train', '--set', 'experiment'], /--set takes path=value/],
    [['train', '--set', 'experiment.sede=1'], /experiment.sede is 1, but must be absent/],
    [['train', '--set', '__proto__.polluted=1'], /but must be a path of settings/],
    [['train', '--config', 'missing.json'], /--config is "missing.json", but must be a file that can be read/],
    [['train', '--json', '--metrics'], /--json promises a single line/],
  ];

  test.each(cases)('%j is refused with exit code 2, before anything is written', async (args, message) => {
    await inFolder(async (cwd) => {
      const { exitCode, stdout, stderr } = await runCommand(args, { cwd });
      expect(stderr).toMatch(message);
      expect(stdout).toBe('');
      expect(exitCode).toBe(2);
      expect(await readdir(cwd)).toEqual([]);
    });
  });

  test('agents.count in a configuration that lists the agents is refused, not ignored', async () => {
    await inFolder(async (cwd) => {
      await writeFile(join(cwd, 'a.json'), JSON.stringify({ environment: 'treasurehunt', agents: [{}, {}] }));
      const { exitCode, stderr } = await runCommand(['train', '--config', 'a.json', '--agents', '3'], { cwd });
      expect(stderr).toMatch(/agents.count is 3, but must be a path through a list of 2/);
      expect(exitCode).toBe(2);
    });
  });
});

describe('help', () => {
  test('names every option of the issue, the games and the exit codes', async () => {
    const { exitCode, stdout } = await runCommand(['train', '--help']);
    expect(exitCode).toBe(0);
    const options =
      '--epochs --steps --max-turns --agents --algorithm --preset --hidden --seed --execution --mode --learner-workers ' +
      '--train-interval --gradient-steps --learning-starts --publish-interval --max-training-lag --buffer-capacity ' +
      '--batch-size --run-dir --trace --config --set --metrics --json --quiet';
    for (const option of options.split(' ')) expect(stdout).toContain(` ${option}`);
    expect(stdout).toContain('treasurehunt');
    expect(stdout).toContain('130 interrupted');
  });

  test('marlin alone says what there is, and --version the version', async () => {
    const { stdout } = await runCommand(['--help']);
    expect(stdout).toMatch(/train[\s\S]*doctor/);
    expect((await runCommand(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('failing runs', () => {
  test('a directory that holds a run is not written into', async () => {
    await inFolder(async (cwd) => {
      await mkdir(join(cwd, 'run'));
      await writeFile(join(cwd, 'run', 'metrics.jsonl'), 'precious\n');
      const { exitCode, stderr } = await runCommand(['train', '--epochs', '1', '--run-dir', 'run'], { cwd });
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/run holds a run already.*\[ERR_RUN_DIRECTORY\]/);
    });
  });

  test("a user environment's error is shown with its stack, and the exit code is 1", async () => {
    await inFolder(async (cwd) => {
      const module = `export const environment = { create() { throw new Error('no such map'); } };`;
      await writeFile(join(cwd, 'broken.mjs'), module);
      const configuration = { environment: { module: './broken.mjs' }, experiment: { maxTurns: 5 } };
      await writeFile(join(cwd, 'a.json'), JSON.stringify(configuration));
      const { exitCode, stderr } = await runCommand(['train', '--config', 'a.json'], { cwd });
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/no such map[\s\S]*broken\.mjs/);
    });
  });
});

describe('marlin doctor', () => {
  test('finds what a run needs on this machine', async () => {
    const { exitCode, stdout } = await runCommand(['doctor']);
    expect(exitCode).toBe(0);
    for (const what of ['Node.js', 'Kernels (WebAssembly SIMD)', 'Shared memory', 'Threads']) {
      expect(stdout).toContain(`ok       ${what}: `);
    }
    expect(stdout).toContain('Optional package tsx: ');
    expect(stdout).toMatch(/^ok {7}Custom networks: TensorFlow\.js \d+\.\d+\.\d+, wasm$/m);
    expect(stdout).not.toContain('MISSING');
  });
});
