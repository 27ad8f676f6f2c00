import type { DebugLog } from '../debug-log.js';
import type { ProbeListener } from '../metrics/probe-subscription.js';
import type { WaitMessage } from '../metrics/probes.js';

/** A wait of this long is worth a line, and then each that is ten times as long as the last. */
const longWaitMs = 1_000;
/** A wait that begins so soon after the last, for the same thing, goes on with it: a thread looks up once a second. */
const sameWaitMs = 10;

/** Logs what is rare of what a thread's probes say: first training steps, publications, long waits. */
export function probeLog(log: DebugLog): ProbeListener {
  const trained = new Set<string>();
  const waits = new LongWaits(log);
  return {
    train({ policy, trainStep, durationMs }) {
      if (trained.has(policy)) return;
      trained.add(policy);
      log(`first training step of ${policy} here: step ${trainStep}, ${durationMs.toFixed(1)} ms`);
    },
    publish({ policy, version, trainStep }) {
      log(`published version ${version} of ${policy} after training step ${trainStep}`);
    },
    wait: (message) => waits.take(message),
  };
}

/** Puts sleeps together to the waits that they are. */
class LongWaits {
  readonly #log: DebugLog;
  #last: WaitMessage | undefined;
  #startMs = 0;
  #tellAtMs = longWaitMs;

  constructor(log: DebugLog) {
    this.#log = log;
  }

  take(wait: WaitMessage): void {
    const last = this.#last;
    const goesOn =
      last?.for === wait.for &&
      last.policy === wait.policy &&
      wait.startMs - (last.startMs + last.durationMs) < sameWaitMs;
    this.#last = wait;
    if (!goesOn) {
      this.#startMs = wait.startMs;
      this.#tellAtMs = longWaitMs;
    }
    const waitedMs = wait.startMs + wait.durationMs - this.#startMs;
    if (waitedMs < this.#tellAtMs) return;
    while (this.#tellAtMs <= waitedMs) this.#tellAtMs *= 10;
    const whose = wait.policy === undefined ? '' : ` of ${wait.policy}`;
    this.#log(`has waited ${(waitedMs / 1_000).toFixed(1)} s for ${wait.for}${whose}`);
  }
}
