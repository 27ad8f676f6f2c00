/** One way of running a plan: on the calling thread, or on threads of its own. */
export interface Execution {
  /** Resolves when the run is complete and everything it started has ended; rejects with the first failure. */
  run(): Promise<void>;
  /** Asks the run to end in good order. */
  stop(): void;
  /** Lets whoever acts wait until its next report has been taken: a checkpoint is wanted. */
  awaitReports(): void;
  pause(): void;
  resume(): void;
}
