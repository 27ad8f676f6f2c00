// Used by the subjects beside it, each a process of its own: see allocation.test.ts.

const warmCalls = 30_000;
const measuredCalls = 5_000;

let litter = [0];

/**
 * Prints the bytes that one warm call leaves on the heap.
 * @param {Record<string, () => void>} calls by name; the command line names the one to measure, or `litter`: one small
 *   array a call, which none of the others may leave and which this measurement must be able to see
 */
export function printBytesPerCall(calls) {
  /** @type {Record<string, () => void>} */
  const known = {
    ...calls,
    litter: () => {
      litter = [litter.length];
    },
  };
  const call = known[process.argv[2] ?? ''];
  const collect = globalThis.gc;
  if (call === undefined || collect === undefined) {
    throw new Error(`usage: node --expose-gc ${process.argv[1]} <${Object.keys(known).join(' | ')}>`);
  }
  for (let index = 0; index < warmCalls; index++) call();
  // The engine may still recompile something in one of the rounds: the least of five is what the calls leave.
  const rounds = Array.from({ length: 5 }, () => {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < measuredCalls; index++) call();
    return process.memoryUsage().heapUsed - before;
  });
  console.log(Math.min(...rounds) / measuredCalls);
}
