import { writeSync } from 'node:fs';
import { debuglog } from 'node:util';
import { threadId } from 'node:worker_threads';

/** Writes a line of the log. */
export type DebugLog = (line: string) => void;

/**
 * What `NODE_DEBUG=marlin` prints on standard error, each line with the thread that it comes from; undefined where that is
 * not asked for, so that `log?.(…)` costs nothing and makes no text.
 *
 * Written by the system call: `debuglog` itself, and all that goes through `process.stderr`, would come out of a worker
 * only at its next look at the event loop, and that is when its work is done.
 */
export function debugLogOf(thread: string): DebugLog | undefined {
  if (!debuglog('marlin').enabled) return undefined;
  const head = `MARLIN ${process.pid}: [${thread}, thread ${threadId}]`;
  return (line) => {
    try {
      writeSync(2, `${head} ${line}\n`);
    } catch {
      // A reader that is too slow, or gone, loses lines; the run goes on.
    }
  };
}
