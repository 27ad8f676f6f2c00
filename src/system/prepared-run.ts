import { join } from 'node:path';
import { nowMs } from '../metrics/clock.js';
import { JsonlSink } from '../metrics/jsonl-sink.js';
import type { EndReason, RecordSink, TrainingRecord } from '../metrics/record.js';
import { takeWeights } from './playable-policy.js';
import type { Checkpoint } from './checkpoint.js';
import { restoreCheckpoint } from './checkpoint.js';
import { Checkpoints } from './checkpoints.js';
import { allocateRun } from './run-allocation.js';
import { Recovery } from './recovery.js';
import { clearResumed, writeConfiguration } from './run-directory.js';
import { RunEvaluations } from './run-evaluations.js';
import { runFiles, syncToDisk } from './run-files.js';
import { RunMonitor } from './run-monitor.js';
import type { RunPlan } from './run-plan.js';
import type { RunShare } from './run-share.js';
import { ScheduleFiles } from './schedule-files.js';
import type { RunSummary } from './summary.js';
import { summarize } from './summary.js';
import type { TraceFile } from './trace-file.js';
import { writeWeights } from './weight-files.js';

/** A run whose memory and files are ready: an execution may begin. */
export interface PreparedRun {
  readonly share: RunShare;
  /** Where the run's own files take its records. */
  readonly sinks: readonly RecordSink[];
  /** Takes the row of an epoch and makes records of it. */
  readonly report: (row: Float64Array) => void;
  readonly evaluations: RunEvaluations;
  /** Undefined where the run is not recorded. */
  readonly schedule: ScheduleFiles | undefined;
  readonly recovery: Recovery;
  /** Undefined where the run is not traced. */
  readonly trace: TraceFile | undefined;
  /** Undefined where the run writes no files. */
  readonly checkpoints: Checkpoints | undefined;
  /**
   * Writes what a run leaves, its weights, and sums it up.
   * @param endedMs when the last training step was done, milliseconds since 1970
   */
  conclude(reason: EndReason, endedMs: number): Promise<RunSummary>;
  /** Closes what is open of a run that failed. */
  abandon(failure: Error): Promise<void>;
}

/** What a prepared run asks of whoever holds it. */
export interface RunListener {
  /** Takes every record in order. */
  readonly emit: (record: TrainingRecord) => void;
  /** Called where records can no longer be written: there is no sense in going on. */
  readonly giveUp: () => void;
}

/**
 * Allocates the memory of a run and writes the files that it begins with; its directory is there.
 * @param from where a run that is resumed goes on
 */
export async function prepareRun(
  plan: RunPlan,
  { emit, giveUp }: RunListener,
  from?: Checkpoint,
): Promise<PreparedRun> {
  const { directory } = plan.configuration.output;
  let share = await allocateRun(plan);
  if (from !== undefined) restoreCheckpoint(share, from);
  if (directory !== undefined) {
    if (from !== undefined) await clearResumed(directory, from);
    await writeConfiguration(directory, plan);
  }
  const schedule = await ScheduleFiles.open(share, giveUp);
  const trace = await openTrace(share, giveUp);
  const monitor = new RunMonitor(share, emit);
  if (from !== undefined) {
    monitor.restore(from.manifest.monitor, nowMs());
    share = { ...share, start: monitor.actorStart() };
  }
  const evaluations = new RunEvaluations({ share, monitor, emit, onFailure: giveUp });
  const files = directory === undefined ? undefined : new JsonlSink(join(directory, runFiles.metrics), giveUp);
  const checkpoints =
    directory === undefined
      ? undefined
      : new Checkpoints({
          share,
          monitor,
          directory,
          recordsWritten: async () => {
            await evaluations.recorded();
            await files?.flush();
            await syncToDisk(join(directory, runFiles.metrics));
          },
          onFailure: giveUp,
        });
  return {
    share,
    sinks: files === undefined ? [] : [files],
    recovery: new Recovery({ share, monitor, schedule, emit }),
    evaluations,
    schedule,
    trace,
    checkpoints,
    report(row) {
      monitor.take(row);
      evaluations.afterReport();
    },
    async conclude(reason, endedMs) {
      await Promise.all([evaluations.finish(), schedule?.close(), trace?.close(), checkpoints?.finish()]);
      if (directory !== undefined) await writeWeights(directory, await takeWeights(share, monitor.lastRow));
      await evaluations.close();
      return summarize(share, monitor, reason, endedMs);
    },
    async abandon(failure) {
      await Promise.allSettled([evaluations.close(), schedule?.close(), trace?.close(), checkpoints?.abandon(failure)]);
    },
  };
}

/** Loaded only where it is used: modules are most of the time to the first turn. */
async function openTrace(share: RunShare, onFailure: () => void): Promise<TraceFile | undefined> {
  const { directory, trace } = share.plan.configuration.output;
  if (!trace || directory === undefined) return undefined;
  const { openTraceFile } = await import('./trace-file.js');
  return openTraceFile(share, join(directory, runFiles.trace), onFailure);
}
