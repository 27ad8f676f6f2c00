import type { ProbeListener } from './probe-subscription.js';
import { waitReasons } from './probes.js';

/**
 * A message of a probe as a row of numbers, which a queue can carry:
 *
 * ```
 *   kind │ startMs │ durationMs │ policy, or −1 │ turn    │ epoch
 *                                               │ trainStep
 *                                               │ version │ trainStep
 *                                               │ what it waits for
 * ```
 */
export const traceWidth = 6;
const kinds = { turn: 0, train: 1, publish: 2, wait: 3 } as const;

/**
 * Turns what a thread's probes say into rows.
 * @param policies ids, in the order of the plan
 * @param push takes a row; the array is reused
 */
export function traceListener(policies: readonly string[], push: (row: Float64Array) => void): ProbeListener {
  const places = new Map(policies.map((id, index) => [id, index]));
  const row = new Float64Array(traceWidth);
  const fill = (
    kind: number,
    { startMs, durationMs, policy }: { startMs: number; durationMs: number; policy?: string | undefined },
    first: number,
    second = 0,
  ): void => {
    row[0] = kind;
    row[1] = startMs;
    row[2] = durationMs;
    row[3] = policy === undefined ? -1 : (places.get(policy) ?? -1);
    row[4] = first;
    row[5] = second;
    push(row);
  };
  return {
    turn: (message) => fill(kinds.turn, message, message.turn, message.epoch),
    train: (message) => fill(kinds.train, message, message.trainStep),
    publish: (message) => fill(kinds.publish, message, message.version, message.trainStep),
    wait: (message) => fill(kinds.wait, message, waitReasons.indexOf(message.for)),
  };
}

/** Writes rows as Chrome trace events: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
export class TraceEventText {
  readonly #originMs: number;
  readonly #policies: readonly string[];

  /** @param originMs the time 0 of the trace, milliseconds since 1970 */
  constructor(originMs: number, policies: readonly string[]) {
    this.#originMs = originMs;
    this.#policies = policies;
  }

  /** Names a track. */
  track(track: number, name: string): string {
    const args = `"args":{"name":${JSON.stringify(name)}}`;
    const order = `{"ph":"M","pid":1,"tid":${track},"name":"thread_sort_index","args":{"sort_index":${track}}}`;
    return `{"ph":"M","pid":1,"tid":${track},"name":"thread_name",${args}},\n${order}`;
  }

  /** Something that took time. */
  span(track: number, row: Float64Array): string {
    // The end is rounded, not the duration: what ended where the next began does not overlap it.
    const start = this.#nanoseconds(row[1]);
    const duration = this.#nanoseconds(row[1] + row[2]) - start;
    const when = `"ph":"X","pid":1,"tid":${track},"ts":${start / 1e3},"dur":${duration / 1e3}`;
    return `{${when},${this.#what(row)}}`;
  }

  /** Something to be seen at a time, on one track. */
  mark(track: number, atMs: number, name: string): string {
    const when = `"ph":"i","s":"t","pid":1,"tid":${track},"ts":${this.#nanoseconds(atMs) / 1e3}`;
    return `{${when},"cat":"trace","name":${JSON.stringify(name)}}`;
  }

  #nanoseconds(timeMs: number): number {
    return Math.round((timeMs - this.#originMs) * 1e6);
  }

  #what([kind, , , place, first, second]: Float64Array): string {
    const policy = this.#policies[place] as string | undefined;
    const named = (name: string): string => JSON.stringify(policy === undefined ? name : `${name} ${policy}`);
    switch (kind) {
      case kinds.turn:
        return `"cat":"turn","name":"turn","args":{"turn":${first},"epoch":${second}}`;
      case kinds.train:
        return `"cat":"train","name":${named('train')},"args":{"trainStep":${first}}`;
      case kinds.publish:
        return `"cat":"publish","name":${named('publish')},"args":{"version":${first},"trainStep":${second}}`;
      default:
        return `"cat":"wait","name":${named(`wait for ${waitReasons[first]}`)}`;
    }
  }
}
