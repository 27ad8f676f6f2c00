#!/usr/bin/env node
import { exitCodes } from './exit-codes.js';
import { createProgram } from './program.js';
import { reportFailure } from './report-failure.js';

// A reader that went away (`marlin doctor | head`) has seen what it wanted; `train` ends its run in good order besides.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exit(exitCodes.failed);
  });
}

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr);
}
