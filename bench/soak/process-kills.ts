import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunSummary } from 'marlin-rl';
import { sum } from './figures.js';
import { flawOf, recordsOf } from './run-check.js';
import type { SoakTask } from './task.js';

const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const executions = ['sequential', 'lockstep', 'async'] as const;
type ExecutionName = (typeof executions)[number];

/** Plain data. */
interface ProcessKillsResult {
  readonly execution: ExecutionName;
  readonly kills: number;
  /** Kills before there was a checkpoint: the run was begun again. */
  readonly begunAgain: number;
  readonly flaw: string | null;
}

const epochs = 120;

/** Runs the command; kills it after so many milliseconds. @returns its summary, undefined where it was killed */
async function attempt(flags: readonly string[], killAfterMs: number): Promise<RunSummary | undefined> {
  const child = spawn(process.execPath, [command, 'train', ...flags, '--json', '--quiet'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const timer = Number.isFinite(killAfterMs) ? setTimeout(() => child.kill('SIGKILL'), killAfterMs) : undefined;
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  if (signal === 'SIGKILL') return undefined;
  if (code !== 0) throw new Error(`marlin train ${flags.join(' ')} ended with ${code}: ${errors}`);
  return JSON.parse(output) as RunSummary;
}

function flagsOf(execution: ExecutionName, directory: string): string[] {
  const run = ['--epochs', String(epochs), '--seed', '5', '--execution', execution, '--run-dir', directory];
  return ['treasurehunt', ...run, '--checkpoint-every', '5', '--learning-starts', '300'];
}

async function killProcesses(execution: ExecutionName, kills: number, scratch: string): Promise<ProcessKillsResult> {
  const reference = await attempt(flagsOf(execution, join(scratch, 'undisturbed')), Infinity);
  let [done, begunAgain] = [0, 0];
  let directory = join(scratch, 'run-0');
  let summary: RunSummary | undefined;
  while (summary === undefined) {
    const isBegun =
      existsSync(join(directory, 'checkpoints')) &&
      (await readdir(join(directory, 'checkpoints'))).some((name) => /^\d+$/.test(name));
    if (!isBegun && existsSync(directory)) directory = join(scratch, `run-${++begunAgain}`);
    // From the start of the process, through its loading of modules, into the run.
    const killAfterMs = done < kills ? 150 + Math.random() * 1_200 : Infinity;
    const flags = isBegun ? ['--resume', directory] : flagsOf(execution, directory);
    try {
      summary = await attempt(flags, killAfterMs);
    } catch (error) {
      return { execution, kills: done, begunAgain, flaw: String(error) };
    }
    if (summary === undefined) done++;
  }
  return {
    execution,
    kills: done,
    begunAgain,
    flaw: (await flawAtEnd(execution, directory, summary, reference)) ?? null,
  };
}

async function flawAtEnd(
  execution: ExecutionName,
  directory: string,
  summary: RunSummary,
  reference: RunSummary | undefined,
): Promise<string | undefined> {
  const flaw = flawOf(summary, await recordsOf(directory), epochs);
  if (flaw !== undefined) return flaw;
  const files = await readdir(directory, { recursive: true });
  const partial = files.find((file) => file.includes('.partial'));
  if (partial !== undefined) return `${partial} was left behind`;
  const other = summary.agents.find((agent, index) => agent.weightsHash !== reference?.agents[index].weightsHash);
  if (execution !== 'async' && other !== undefined) return `${other.id} has other weights than undisturbed`;
  return undefined;
}

const killsPerRound = 5;
const rounds = 12;

export const processKills: SoakTask<ProcessKillsResult> = {
  name: 'process-kills',
  title: 'The process killed at random moments, each followed by --resume',
  rounds,
  round: async (index, scratch) =>
    killProcesses(executions[index % 3], killsPerRound, join(scratch, `process-${index}`)),
  findings(results) {
    const flawed = results.filter((result) => result.flaw !== null);
    const kills = sum(results.map((result) => result.kills));
    return [
      {
        what: 'SIGKILLs, each followed by --resume, in runs that ended as they should',
        bar: '50 or more, all',
        seen: `${sum(results.filter((result) => result.flaw === null).map((result) => result.kills))} of ${kills}${flawed.length > 0 ? `: ${flawed[0].flaw}` : ''}; ${sum(results.map((result) => result.begunAgain))} came before the first checkpoint, and the run was begun again`,
        isMet: flawed.length === 0 && kills >= 50,
      },
      ...executions.map((execution) => {
        const own = results.filter((result) => result.execution === execution);
        const whole = own.filter((result) => result.flaw === null).length;
        const what =
          execution === 'async' ? 'all turns and training steps' : 'weights of an undisturbed run, bit for bit';
        return {
          what: `${execution}: ${what}`,
          bar: 'all runs',
          seen: `${whole} of ${own.length} runs`,
          isMet: whole === own.length,
        };
      }),
    ];
  },
};
