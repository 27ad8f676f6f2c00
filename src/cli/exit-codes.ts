/** Exit codes of the command. */
export const exitCodes = {
  ok: 0,
  /** The run failed. */
  failed: 1,
  /** Wrong usage or a refused setting: nothing was started. */
  usage: 2,
  /** Interrupted by SIGINT; the files of the run are whole. */
  interrupted: 130,
  /** Ended by SIGTERM; the files of the run are whole. */
  terminated: 143,
} as const;
