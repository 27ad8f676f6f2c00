/** How often something that fails may be begun again. */
export interface RestartPolicy {
  readonly maxRestarts: number;
  readonly withinMs: number;
}

/** Counts the restarts of one worker over a sliding window of time. */
export class RestartWindow {
  readonly #policy: RestartPolicy;
  /** When the last restarts were, milliseconds, oldest first. */
  readonly #times: number[] = [];

  constructor(policy: RestartPolicy) {
    this.#policy = policy;
  }

  /** Counts one more restart, unless there have been too many of late. */
  allows(nowMs: number): boolean {
    const { maxRestarts, withinMs } = this.#policy;
    while (this.#times.length > 0 && nowMs - this.#times[0] > withinMs) this.#times.shift();
    if (this.#times.length >= maxRestarts) return false;
    this.#times.push(nowMs);
    return true;
  }
}
