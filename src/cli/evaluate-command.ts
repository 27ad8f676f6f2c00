import type { Command } from 'commander';
import type { EvaluationOptions } from '../system/evaluation.js';
import { exitCodes } from './exit-codes.js';
import { watchForEnd } from './signals.js';
import { number } from './train-options.js';

const help = `
Plays the weights in RUN/weights in the environment that RUN/config.json names. Nothing is written.
Worlds are others than those of training, and the same each time for the same seed.
Exit codes: 0 done, 1 failed (no run, no weights, a damaged file), 2 wrong usage, 130 interrupted.

Examples:
  marlin evaluate runs/treasurehunt-20261120-073258
  marlin evaluate runs/mine --episodes 1000 --seed 5 --json
`;

interface EvaluateFlags {
  readonly episodes?: number;
  readonly seed?: number;
  readonly stochastic?: boolean;
  readonly json?: boolean;
}

export function addEvaluateCommand(program: Command): void {
  program
    .command('evaluate')
    .description('play the weights of a run and tell how they fare')
    .argument('<run>', 'directory of a run')
    .option('--episodes <n>', 'epochs of the world to play; default 100', number)
    .option('--seed <n>', "names the worlds; default: the run's own seed", number)
    .option(
      '--stochastic',
      'as the run played at its end: with its exploration and its draws; default: the best action',
    )
    .option('--json', 'print the result as one line of JSON, every episode included')
    .showHelpAfterError('(marlin evaluate --help lists all options)')
    .addHelpText('after', help)
    .action(async (run: string, flags: EvaluateFlags) => {
      process.exitCode = await evaluate(run, flags);
    });
}

async function evaluate(run: string, { episodes, seed, stochastic, json }: EvaluateFlags): Promise<number> {
  // Loaded only here, because `train` needs neither.
  const { evaluateRun } = await import('../system/evaluate-run.js');
  const { evaluationText } = await import('./evaluation-text.js');
  const controller = new AbortController();
  const ending = watchForEnd(() => controller.abort());
  const options: EvaluationOptions = {
    greedy: stochastic !== true,
    signal: controller.signal,
    ...(episodes === undefined ? {} : { episodes }),
    ...(seed === undefined ? {} : { seeds: seed }),
  };
  try {
    const summary = await evaluateRun(run, options);
    process.stdout.write(json === true ? `${JSON.stringify({ run, ...summary })}\n` : evaluationText(run, summary));
    return exitCodes.ok;
  } catch (error) {
    if (ending.exitCode === undefined) throw error;
    return ending.exitCode;
  } finally {
    ending.dispose();
  }
}
