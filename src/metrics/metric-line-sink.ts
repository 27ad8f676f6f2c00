import type { RecordSink, TrainingRecord } from './record.js';

/**
 * `@METRIC {json}` lines for a controller that spawned the process. Episodes are left out: a controller keeps a bounded
 * number of samples, and they would crowd out the rest.
 */
export class MetricLineSink implements RecordSink {
  readonly #output: { write(text: string): unknown };

  constructor(output: { write(text: string): unknown }) {
    this.#output = output;
  }

  write(record: TrainingRecord): void {
    if (record.kind !== 'episode') this.#output.write(`@METRIC ${JSON.stringify(record)}\n`);
  }

  async close(): Promise<void> {
    // Nothing is held back.
  }
}
