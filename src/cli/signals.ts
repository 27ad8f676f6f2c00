import { exitCodes } from './exit-codes.js';

/** What may end a run from outside. */
export type Ending = 'SIGINT' | 'SIGTERM' | 'EPIPE';

const codes: Readonly<Record<Ending, number>> = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
  EPIPE: exitCodes.failed,
};

export interface EndingWatch {
  /** Exit code for what ended the run; undefined where it ended by itself. */
  readonly exitCode: number | undefined;
  dispose(): void;
}

/**
 * Calls `end` at the first signal, or once nobody reads what is written (`marlin train | head`), and ends the process at
 * the second signal.
 */
export function watchForEnd(end: (ending: Ending) => void): EndingWatch {
  let exitCode: number | undefined;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (exitCode !== undefined) process.exit(exitCode);
    exitCode = codes[signal];
    end(signal);
  };
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' || exitCode !== undefined) return;
    exitCode = codes.EPIPE;
    end('EPIPE');
  };
  const streams = [process.stdout, process.stderr];
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  for (const stream of streams) stream.on('error', onError);
  return {
    get exitCode() {
      return exitCode;
    },
    dispose() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
      for (const stream of streams) stream.off('error', onError);
    },
  };
}
