import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { owedTrainSteps } from '../algorithms/training-rate.js';
import { MarlinError } from '../errors.js';
import { runColumns } from '../metrics/epoch-row.js';
import type { DoneRecord, TrainingRecord } from '../metrics/record.js';
import { Difference } from '../schedule/difference.js';
import type { ResolvedConfiguration } from './configuration.js';
import { createEnvironment, planEnvironment } from './environments.js';
import { configurationOf } from './evaluate-run.js';
import type { OpenRun } from './open-run.js';
import { openRun } from './open-run.js';
import { RecordComparison } from './record-comparison.js';
import { allocateRun } from './run-allocation.js';
import { runFiles } from './run-files.js';
import { RunMonitor } from './run-monitor.js';
import { networkEngines, planRun } from './run-plan.js';
import type { SavedRun } from './saved-run.js';
import { savedRun, thisPlatform } from './saved-run.js';
import { readStreams, ScheduledReplay } from './scheduled-replay.js';
import { SequentialExecution } from './sequential-execution.js';
import { hashOf } from './summary.js';

/** What came of a reproduction. */
export interface Reproduction {
  /** True where every record and the weights of every agent are the same, bit for bit. */
  readonly isSame: boolean;
  /** The first difference, and where; undefined where there is none. */
  readonly difference: string | undefined;
  readonly turns: number;
  readonly epochs: number;
  /** Of all policies. */
  readonly trainSteps: number;
  /** Records that were found to be the same. */
  readonly records: number;
  /** By agent: SHA-256 of the online parameters, hexadecimal. */
  readonly weightsHashes: Readonly<Record<string, string>>;
}

/**
 * Repeats a run from its directory, on the calling thread, and holds what comes of it against what the run wrote: records
 * (but for the clock and who waited) and weights. An `async` run is repeated by its recorded schedule, the others by
 * their seed. Stops at the first difference.
 * @throws MarlinError `ERR_REPRODUCTION` where it cannot be repeated here, or did not end in good order;
 * `ERR_SCHEDULE` where its schedule is missing or damaged; `ERR_RUN_DIRECTORY` where there is no run
 */
export async function reproduceRun(directory: string): Promise<Reproduction> {
  const saved = await savedRun(directory);
  checkPlatform(saved, directory);
  const configuration = replayedConfiguration(configurationOf(saved, directory));
  const metrics = await readMetrics(directory);
  const done = doneRecord(metrics, directory);
  const { agentCount, experiment } = configuration;
  const request = { agentCount, maxTurns: experiment.maxTurns };
  const environmentPlan = await planEnvironment(configuration.environment, configuration.environmentOptions, request);
  const environment = await createEnvironment(environmentPlan);
  // Whoever plays it disposes of it. A replay plays others, one for each thread of the actor.
  let isPlayed = false;
  try {
    const streams = configuration.parallel.execution === 'async' ? await readStreams(directory) : undefined;
    const learnerWorkers = streams?.learners.length ?? 1;
    const parallel = { ...configuration.parallel, learnerWorkers };
    const plan = await planRun({ ...configuration, parallel }, environmentPlan, environment.agents);
    checkEngines(networkEngines(plan), done.network_engines, directory);
    const run = await openRun(await allocateRun(plan));
    checkStop(run, done, directory);
    const comparison = new RecordComparison(metrics);
    const monitor = new RunMonitor(run, (record) => comparison.compare(record));
    const report = (row: Float64Array): void => monitor.take(row);
    const replay = streams === undefined ? undefined : new ScheduledReplay(run, streams, done.timesteps_total);
    const played =
      replay === undefined
        ? new SequentialExecution(run, environment, { report, endTurns: done.timesteps_total }).run()
        : replay.play(monitor);
    isPlayed = replay === undefined;
    const turnsPlayed = (): number => replay?.turns ?? monitor.lastRow[runColumns.turns];
    const difference =
      (await differenceOf(played, turnsPlayed)) ??
      comparison.leftover() ??
      totalsDifference(monitor, done) ??
      hashDifference(run, done.weights_hashes);
    return {
      isSame: difference === undefined,
      difference,
      turns: turnsPlayed(),
      epochs: monitor.epochs,
      trainSteps: monitor.trainStepsTotal(),
      records: comparison.count,
      weightsHashes: hashesOf(run),
    };
  } finally {
    if (!isPlayed) environment.dispose?.();
  }
}

/** @returns the first difference, and where; undefined where there is none */
async function differenceOf(played: Promise<void>, turnsPlayed: () => number): Promise<string | undefined> {
  try {
    await played;
    return undefined;
  } catch (error) {
    if (!(error instanceof Difference)) throw error;
    return `after ${turnsPlayed()} turns, ${error.message}`;
  }
}

/** No clock ends it, it writes nothing, and every reader has room for a copy of its own. */
function replayedConfiguration(configuration: ResolvedConfiguration): ResolvedConfiguration {
  return {
    ...configuration,
    experiment: { ...configuration.experiment, maxSeconds: Infinity },
    parallel: { ...configuration.parallel, mode: 'snapshot' },
    output: { ...configuration.output, directory: undefined },
  };
}

function checkPlatform({ platform, writtenBy }: SavedRun, directory: string): void {
  const own = thisPlatform();
  for (const key of ['engine', 'architecture', 'kernels'] as const) {
    if (own[key] === platform[key]) continue;
    const message = `${directory} was made by Marlin ${writtenBy} with ${key} ${platform[key]}; here it is ${own[key]}, which may come to other bits.`;
    throw new MarlinError('ERR_REPRODUCTION', message);
  }
}

function checkEngines(
  own: Readonly<Record<string, string>>,
  recorded: Readonly<Record<string, string>>,
  directory: string,
): void {
  for (const [policy, engine] of Object.entries(recorded)) {
    if (own[policy] === engine) continue;
    const message = `The network of ${policy} in ${directory} was computed by ${engine}; here it would be by ${own[policy]}.`;
    throw new MarlinError('ERR_REPRODUCTION', message);
  }
}

async function readMetrics(directory: string): Promise<Buffer> {
  try {
    return await readFile(join(directory, runFiles.metrics));
  } catch (cause) {
    const message = `${directory} has no records to be compared with: ${(cause as Error).message}`;
    throw new MarlinError('ERR_REPRODUCTION', message, { cause });
  }
}

function doneRecord(metrics: Buffer, directory: string): DoneRecord {
  const end = metrics.lastIndexOf('\n');
  const last = metrics.subarray(metrics.lastIndexOf('\n', end - 1) + 1, Math.max(0, end)).toString();
  try {
    const record = JSON.parse(last) as TrainingRecord;
    if (record.kind === 'done') return record;
  } catch {
    // As good as another record.
  }
  throw new MarlinError('ERR_REPRODUCTION', `${directory} did not end in good order: its last record is no \`done\`.`);
}

/** What a stop gives up of owed training is known only for all policies together, and to schedules. */
function checkStop({ plan }: OpenRun, done: DoneRecord, directory: string): void {
  if (done.reason !== 'stopped' || plan.configuration.parallel.execution === 'async') return;
  const owed = plan.policies.reduce((sum, { pace }) => sum + owedTrainSteps(done.timesteps_total, pace.rate), 0);
  if (done.train_steps_total === owed) return;
  const message = `${directory} was stopped with ${owed - done.train_steps_total} training steps still owed, and nothing says of whom.`;
  throw new MarlinError('ERR_REPRODUCTION', message);
}

function hashesOf(run: OpenRun): Record<string, string> {
  return Object.fromEntries(run.plan.policies.map(({ id }, index) => [id, hashOf(run, index)]));
}

function totalsDifference(monitor: RunMonitor, { episodes_total, train_steps_total }: DoneRecord): string | undefined {
  const trainSteps = monitor.trainStepsTotal();
  if (monitor.epochs !== episodes_total) return `${monitor.epochs} epochs were played, not ${episodes_total}`;
  if (trainSteps !== train_steps_total) return `${trainSteps} training steps were done, not ${train_steps_total}`;
  return undefined;
}

function hashDifference(run: OpenRun, recorded: Readonly<Record<string, string>>): string | undefined {
  const own = hashesOf(run);
  const other = Object.keys(recorded).find((id) => own[id] !== recorded[id]);
  return other === undefined ? undefined : `the weights of ${other} came out as ${own[other]}, not ${recorded[other]}`;
}
