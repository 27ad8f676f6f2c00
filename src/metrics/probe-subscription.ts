import type { ProbeMessages } from './probes.js';
import { probes } from './probes.js';

/** Takes the messages of the channels that it names. */
export type ProbeListener = {
  readonly [Name in keyof ProbeMessages]?: (message: ProbeMessages[Name]) => void;
};

/**
 * Listens to the probes of the calling thread for one run. Several runs may share a thread, one at a time: whoever lets
 * others have it suspends its subscription meanwhile, and so hears nothing of theirs.
 */
export class ProbeSubscription {
  isSuspended = false;
  readonly #ends: (() => void)[] = [];

  constructor(listener: ProbeListener) {
    this.#listen('turn', listener.turn);
    this.#listen('train', listener.train);
    this.#listen('publish', listener.publish);
    this.#listen('wait', listener.wait);
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #listen<Name extends keyof ProbeMessages>(
    name: Name,
    take: ((message: ProbeMessages[Name]) => void) | undefined,
  ): void {
    if (take === undefined) return;
    const subscriber = (message: unknown): void => {
      if (!this.isSuspended) take(message as ProbeMessages[Name]);
    };
    probes[name].subscribe(subscriber);
    this.#ends.push(() => probes[name].unsubscribe(subscriber));
  }
}
