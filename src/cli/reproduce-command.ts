import type { Command } from 'commander';
import type { Reproduction } from '../system/reproduce.js';
import { exitCodes } from './exit-codes.js';

const help = `
Plays the run once more, on one thread: an async run by RUN/schedule, any other by its seed. What comes of it is held
against RUN/metrics.jsonl, record by record (clock and waiting aside), and against the hashes of the weights.
Nothing is written. It stops at the first difference and says where.
Exit codes: 0 the same, bit for bit, 1 a difference, or the run cannot be repeated here, 2 wrong usage.

Examples:
  marlin reproduce runs/treasurehunt-20261120-073258
  marlin reproduce runs/mine --json
`;

export function addReproduceCommand(program: Command): void {
  program
    .command('reproduce')
    .description('repeat a run and compare, bit for bit')
    .argument('<run>', 'directory of a run that ended in good order')
    .option('--json', 'print the result as one line of JSON')
    .showHelpAfterError('(marlin reproduce --help lists all options)')
    .addHelpText('after', help)
    .action(async (run: string, { json }: { readonly json?: boolean }) => {
      process.exitCode = await reproduce(run, json === true);
    });
}

async function reproduce(run: string, json: boolean): Promise<number> {
  // Loaded only here, because `train` does not need it.
  const { reproduceRun } = await import('../system/reproduce.js');
  const reproduction = await reproduceRun(run);
  process.stdout.write(json ? `${JSON.stringify({ run, ...reproduction })}\n` : reproductionText(run, reproduction));
  return reproduction.isSame ? exitCodes.ok : exitCodes.failed;
}

function reproductionText(run: string, { isSame, difference, ...reproduction }: Reproduction): string {
  const { turns, epochs, trainSteps, records, weightsHashes } = reproduction;
  const done = `${whole(turns)} turns, ${whole(epochs)} epochs, ${whole(trainSteps)} training steps`;
  if (!isSame)
    return `Not the same as ${run}: ${difference}\n  until then ${done}; ${whole(records)} records were the same\n`;
  const hashes = Object.entries(weightsHashes).map(([agent, hash]) => `  ${agent}: weights ${hash.slice(0, 16)}…\n`);
  return `The same as ${run}, bit for bit: ${done}, ${whole(records)} records.\n${hashes.join('')}`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
