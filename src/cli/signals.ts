import type { MarlSystem } from '../system/marl-system.js';
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
 * Ends the run in good order at the first signal, or once nobody reads what it writes (`marlin train | head`), and the
 * process at the second signal.
 */
export function watchForEnd(system: MarlSystem, say: (text: string) => void): EndingWatch {
  let exitCode: number | undefined;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (exitCode !== undefined) process.exit(exitCode);
    exitCode = codes[signal];
    say('\nEnding the run; once more to quit at once.\n');
    void system.stop();
  };
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' || exitCode !== undefined) return;
    exitCode = codes.EPIPE;
    void system.stop();
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
