import { CommanderError } from 'commander';
import { ConfigurationError, MarlinError } from '../errors.js';
import { exitCodes } from './exit-codes.js';

/**
 * Tells a person what went wrong, and returns the exit code for it. Marlin's own errors say all there is to say; for
 * others the stack is shown, since they come from a user's module or from a defect.
 */
export function reportFailure(error: unknown, output: { write(text: string): unknown }): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof ConfigurationError) {
    output.write(`marlin: ${error.message}\n`);
    return exitCodes.usage;
  }
  const { worker } = error as { readonly worker?: string };
  const place = worker === undefined ? '' : ` (in ${worker})`;
  if (error instanceof MarlinError) output.write(`marlin: ${error.message} [${error.code}]${place}\n`);
  else output.write(`marlin: ${stackOf(error)}${place}\n`);
  for (let cause = causeOf(error); cause !== undefined; cause = causeOf(cause)) {
    output.write(`  caused by ${stackOf(cause)}\n`);
  }
  return exitCodes.failed;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
