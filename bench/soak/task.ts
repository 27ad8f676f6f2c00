/** One thing that was looked at, and what was seen. */
export interface Finding {
  readonly what: string;
  /** What it is to be, in words; undefined where it is only reported. */
  readonly bar?: string | undefined;
  readonly seen: string;
  /** Undefined where there is no bar. */
  readonly isMet?: boolean | undefined;
}

/**
 * A part of the soak: some rounds, each of seconds to a minute, whose results are kept as they come, and what they come
 * to together. Results are plain data.
 */
export interface SoakTask<Result = unknown> {
  readonly name: string;
  readonly title: string;
  readonly rounds: number;
  round(index: number, scratch: string): Promise<Result>;
  findings(results: readonly Result[]): Finding[];
}
