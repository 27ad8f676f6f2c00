import { exitCodes } from './exit-codes.js';

export interface SignalWatch {
  /** The signal that was received, if any. */
  readonly received: 'SIGINT' | 'SIGTERM' | undefined;
  dispose(): void;
}

/** Calls `stop` at the first signal, and ends the process at the second. */
export function stopOnSignals(stop: () => void): SignalWatch {
  let received: SignalWatch['received'];
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (received !== undefined) process.exit(exitCodes.interrupted);
    received = signal;
    stop();
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
