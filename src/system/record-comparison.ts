import type { TrainingRecord } from '../metrics/record.js';
import { Difference } from '../schedule/difference.js';

/** What of a record depends on the clock or on who waited for whom, and is no part of what a run comes to. */
const timed = new Set([
  'timestamp',
  'steps_per_second',
  'weights_lag_mean',
  'weights_lag_max',
  'training_lag',
  'actor_wait_share',
]);

/** Holds records that a replayed run makes against those that the recorded one wrote, in order. */
export class RecordComparison {
  /** Records that were the same. */
  count = 0;
  readonly #written: Generator<TrainingRecord, undefined>;

  /** @param metrics what metrics.jsonl holds; each line is parsed when its turn has come */
  constructor(metrics: Buffer) {
    this.#written = comparedRecords(metrics);
  }

  /** @throws Difference naming the first thing that is not the same */
  compare(record: TrainingRecord): void {
    if (!isCompared(record)) return;
    const { value: written } = this.#written.next();
    if (written === undefined) throw new Difference(`record ${this.count + 1} is one more than the run wrote`);
    const found = differenceOf(written, record, record.kind);
    if (found !== undefined) throw new Difference(`record ${this.count + 1} has another ${found}`);
    this.count++;
  }

  /** What is left once the run has ended: undefined where that is nothing. */
  leftover(): string | undefined {
    return this.#written.next().done === true ? undefined : `the run wrote more than ${this.count} records`;
  }
}

function* comparedRecords(metrics: Buffer): Generator<TrainingRecord, undefined> {
  for (let first = 0; first < metrics.length;) {
    const end = metrics.indexOf('\n', first);
    if (end < 0) return undefined;
    const record = JSON.parse(metrics.subarray(first, end).toString()) as TrainingRecord;
    if (isCompared(record)) yield record;
    first = end + 1;
  }
  return undefined;
}

/** Evaluations take whatever weights are the newest at the time. */
function isCompared({ kind }: TrainingRecord): boolean {
  return kind === 'episode' || kind === 'iteration';
}

/** Path, old and new value of the first difference. */
function differenceOf(written: unknown, made: unknown, path: string): string | undefined {
  if (typeof written !== 'object' || written === null || typeof made !== 'object' || made === null) {
    // As JSON has them.
    const [before, now] = [written, made].map((value) => JSON.stringify(value));
    return before === now ? undefined : `${path}: ${now}, not ${before}`;
  }
  for (const key of new Set([...Object.keys(written), ...Object.keys(made)])) {
    if (timed.has(key)) continue;
    const found = differenceOf(Reflect.get(written, key), Reflect.get(made, key), `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
