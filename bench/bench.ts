/** One line of a benchmark's report. */
export interface BenchResult {
  readonly what: string;
  readonly median: number;
  /** Smallest and largest of the rounds. */
  readonly low: number;
  readonly high: number;
  readonly unit: string;
  /** What the median should reach, in words, for example `≥ 0.75`. */
  readonly bound?: string;
}

/** A benchmark: a name for the command line, and its measurement. */
export interface Bench {
  readonly name: string;
  run(): Promise<BenchResult[]>;
}

/** Median, smallest and largest of some rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, low: sorted[0], high: sorted[sorted.length - 1] };
}

/** Rounds of an interleaved comparison: enough for a median that one disturbed round does not move. */
const defaultRounds = 9;

/**
 * Measures several candidates in turn, round by round, so that a disturbance of the machine meets all of them. Each
 * candidate returns its own measure of one round (seconds, operations per second, …); one round before the first is
 * for warming up and thrown away.
 * @returns one list of measures per candidate, in rounds
 */
export async function interleave(
  candidates: readonly (() => number | Promise<number>)[],
  rounds = defaultRounds,
): Promise<number[][]> {
  const measures: number[][] = candidates.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (let index = 0; index < candidates.length; index++) {
      const measure = await candidates[index]();
      if (round >= 0) measures[index].push(measure);
    }
  }
  return measures;
}

/** Round by round, one list of measures over another. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, round) => value / under[round]);
}

/** Seconds that a synchronous piece of work takes. */
export function secondsOf(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}
