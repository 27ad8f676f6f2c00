import type { MarlSystem } from '../system/marl-system.js';
import { exitCodes } from './exit-codes.js';

export interface SignalWatch {
  /** The signal that ended the run, if any. */
  readonly received: 'SIGINT' | 'SIGTERM' | undefined;
  dispose(): void;
}

/** Ends the run in good order at the first signal, and the process at the second. */
export function stopOnSignals(system: MarlSystem, say: (text: string) => void): SignalWatch {
  let received: SignalWatch['received'];
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (received !== undefined) process.exit(exitCodes.interrupted);
    received = signal;
    say('\nEnding the run; once more to quit at once.\n');
    void system.stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    get received() {
      return received;
    },
    dispose() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
