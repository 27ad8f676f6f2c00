import { Command } from 'commander';
import { packageVersion } from '../system/version.js';
import { addEvaluateCommand } from './evaluate-command.js';
import { addReproduceCommand } from './reproduce-command.js';
import { addTrainCommand } from './train-command.js';

/** The `marlin` command. Errors of usage are thrown, so that the caller chooses the exit code. */
export function createProgram(): Command {
  const program = new Command('marlin')
    .description('Multi-agent reinforcement learning: an actor and its learners, each on a thread of their own.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showSuggestionAfterError()
    .exitOverride();
  addTrainCommand(program);
  addEvaluateCommand(program);
  addReproduceCommand(program);
  program
    .command('doctor')
    .description('report whether this machine has what Marlin needs')
    .action(async () => {
      const { examineMachine } = await import('./doctor.js');
      process.exitCode = await examineMachine();
    });
  return program;
}
