#!/usr/bin/env node
import { exitCodes } from './exit-codes.js';
import { createProgram } from './program.js';
import { reportFailure } from './report-failure.js';

// A reader that went away (`marlin train | head`) is no failure of the run; anything else on the streams would be.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failed);
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr);
}
