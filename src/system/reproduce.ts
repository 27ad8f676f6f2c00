import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextEvents } from 'node:timers/promises';
import type { Actor } from '../actor/actor.js';
import { owedTrainSteps } from '../algorithms/training-rate.js';
import { distance } from '../buffer/position.js';
import { ringControl, ringControlView } from '../buffer/ring-plan.js';
import { MarlinError } from '../errors.js';
import { committedParameters } from '../learner/learner-state.js';
import type { DoneRecord, TrainingRecord } from '../metrics/record.js';
import { Difference } from '../schedule/difference.js';
import { ReplayedFigures, ReplayedReader } from '../schedule/replayed-actor.js';
import { ReplayedPublisher, ReplayedWindows } from '../schedule/replayed-learner.js';
import { ReplayedPolicy } from '../schedule/replayed-policy.js';
import { eventKind } from '../schedule/schedule-format.js';
import { ScheduleStream } from '../schedule/schedule-reader.js';
import { buildActor } from './actor-wiring.js';
import type { ResolvedConfiguration } from './configuration.js';
import { createEnvironment, planEnvironment } from './environments.js';
import { configurationOf } from './evaluate-run.js';
import { buildLearner } from './learner-wiring.js';
import type { OpenRun } from './open-run.js';
import { openRun } from './open-run.js';
import { RecordComparison } from './record-comparison.js';
import { stepNumbersOf } from './recording.js';
import { allocateRun } from './run-allocation.js';
import { runFiles } from './run-files.js';
import { RunMonitor } from './run-monitor.js';
import { networkEngines, planRun } from './run-plan.js';
import { figuresOf } from './run-share.js';
import type { SavedRun } from './saved-run.js';
import { savedRun, thisPlatform } from './saved-run.js';
import { scheduleFile } from './schedule-files.js';
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
  const metrics = await readFile(join(directory, runFiles.metrics), 'utf8');
  const done = doneRecord(metrics, directory);
  const { agentCount, experiment } = configuration;
  const request = { agentCount, maxTurns: experiment.maxTurns };
  const environmentPlan = await planEnvironment(configuration.environment, configuration.environmentOptions, request);
  const environment = await createEnvironment(environmentPlan);
  try {
    const streams = configuration.parallel.execution === 'async' ? await readStreams(directory) : undefined;
    const learnerWorkers = streams?.learners.length ?? 1;
    const parallel = { ...configuration.parallel, learnerWorkers };
    const plan = await planRun({ ...configuration, parallel }, environmentPlan, environment.agents);
    checkEngines(networkEngines(plan), done.network_engines, directory);
    const run = await openRun(await allocateRun(plan));
    const comparison = new RecordComparison(metrics);
    const monitor = new RunMonitor(run, (record) => comparison.compare(record));
    const report = (row: Float64Array): void => monitor.take(row);
    const replay = new Replay(run, done.timesteps_total);
    const difference = (await replay.play(environment, report, streams)) ?? hashDifference(run, done.weights_hashes);
    return {
      isSame: difference === undefined,
      difference,
      turns: replay.turns,
      epochs: monitor.epochs,
      trainSteps: monitor.trainStepsTotal(),
      records: comparison.count,
      weightsHashes: hashesOf(run),
    };
  } finally {
    environment.dispose?.();
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

function doneRecord(metrics: string, directory: string): DoneRecord {
  const lines = metrics.trimEnd().split('\n');
  const last = JSON.parse(lines.at(-1) ?? '{}') as Partial<TrainingRecord>;
  if (last.kind === 'done') return last as DoneRecord;
  throw new MarlinError('ERR_REPRODUCTION', `${directory} did not end in good order: its last record is no \`done\`.`);
}

/** The schedules of a run, by thread. */
interface RecordedStreams {
  readonly actor: Uint8Array;
  readonly learners: readonly Uint8Array[];
}

async function readStreams(directory: string): Promise<RecordedStreams> {
  try {
    const files = await readdir(join(directory, runFiles.schedule));
    const learners = files.filter((file) => file.startsWith('learner-')).length;
    const read = async (thread: string): Promise<Uint8Array> => readFile(scheduleFile(directory, thread));
    return {
      actor: await read('actor-0'),
      learners: await Promise.all(Array.from({ length: learners }, async (_, worker) => read(`learner-${worker}`))),
    };
  } catch (cause) {
    const message = `${directory} has no schedule that it could be reproduced by: ${(cause as Error).message}`;
    throw new MarlinError('ERR_SCHEDULE', message, { cause });
  }
}

function hashesOf(run: OpenRun): Record<string, string> {
  return Object.fromEntries(run.plan.policies.map(({ id }, index) => [id, hashOf(run, index)]));
}

function hashDifference(run: OpenRun, recorded: Readonly<Record<string, string>>): string | undefined {
  const own = hashesOf(run);
  const other = Object.keys(recorded).find((id) => own[id] !== recorded[id]);
  return other === undefined ? undefined : `the weights of ${other} came out as ${own[other]}, not ${recorded[other]}`;
}

/** Longest stretch of work between two looks at the event loop, in milliseconds. */
const yieldMs = 50;

/** Plays a run once more on the calling thread. */
class Replay {
  /** Turns played. */
  turns = 0;
  readonly #run: OpenRun;
  readonly #endTurns: number;
  #actor: Actor | undefined;
  #isInTurn = false;
  /** What learners do between two turns. */
  #afterTurn: () => void = () => {};

  /** @param endTurns turns after which the recorded run ended */
  constructor(run: OpenRun, endTurns: number) {
    this.#run = run;
    this.#endTurns = endTurns;
  }

  /** @returns the first difference, and where; undefined where there is none */
  async play(
    environment: Parameters<typeof buildActor>[2],
    report: (row: Float64Array) => void,
    streams: RecordedStreams | undefined,
  ): Promise<string | undefined> {
    try {
      if (streams === undefined) await this.#playInTurn(environment, report);
      else await this.#playBySchedule(environment, report, streams);
      return undefined;
    } catch (error) {
      if (!(error instanceof Difference)) throw error;
      return `after ${this.turns} turns, ${error.message}`;
    }
  }

  /** Everything in the order of a sequential run. */
  async #playInTurn(environment: Parameters<typeof buildActor>[2], report: (row: Float64Array) => void): Promise<void> {
    const run = this.#run;
    const { policies } = run.plan;
    const learners = await Promise.all(policies.map(async (_, index) => buildLearner(run, index)));
    const { actor, links } = await buildActor(run, 0, environment, report);
    this.#actor = actor;
    this.#afterTurn = () => {
      for (const link of links) link.look(actor.turns);
      for (const [index, learner] of learners.entries()) {
        const owed = owedTrainSteps(actor.turns, policies[index].pace.rate);
        while (learner.trainSteps < owed && learner.isReady) learner.trainStep();
      }
    };
    await this.#playToEnd();
    actor.reportEnd();
    for (const learner of learners) learner.finish();
  }

  /** Everything in the order in which one thing asks for another. */
  async #playBySchedule(
    environment: Parameters<typeof buildActor>[2],
    report: (row: Float64Array) => void,
    streams: RecordedStreams,
  ): Promise<void> {
    const run = this.#run;
    const stepNumbers = run.plan.policies.map((policy) => stepNumbersOf(policy) ?? 0);
    const actorStream = new ScheduleStream(streams.actor, 'schedule/actor-0.bin', stepNumbers);
    const policies = await Promise.all(
      run.plan.policies.map(async (_, index) => this.#replayedPolicy(index, streams.learners, stepNumbers)),
    );
    const { actor } = await buildActor(run, 0, environment, report, {
      reader: (index) => {
        const { weights, actors } = run.plan.policies[index];
        const { buffer } = run.policyMemories[index];
        const published = this.#located(index, (version) => policies[index].weights(version));
        return new ReplayedReader(buffer, actors[0].readerScratch, weights.bytes, actorStream, index, published);
      },
      figures: (index) => {
        const { figureCount } = run.plan.policies[index].learner;
        const posted = this.#located(index, (steps) => policies[index].figures(steps));
        return new ReplayedFigures(figureCount, actorStream, index, posted);
      },
    });
    this.#actor = actor;
    const training = policies.map((policy, index) => this.#located(index, () => policy.train()));
    this.#afterTurn = () => {
      for (const train of training) train(0);
    };
    await this.#playToEnd();
    actor.reportEnd();
    for (const [index, policy] of policies.entries()) this.#located(index, () => policy.finish())(0);
    const recorded = actorStream.last(0, eventKind.end)?.numbers[0];
    if (recorded !== actor.turns) throw new Difference(`the recorded actor ended after ${recorded}`);
  }

  async #replayedPolicy(
    index: number,
    learnerFiles: readonly Uint8Array[],
    stepNumbers: readonly number[],
  ): Promise<ReplayedPolicy> {
    const run = this.#run;
    const policy = run.plan.policies[index];
    const { buffer } = run.policyMemories[index];
    const worker = run.plan.learnerWorkers.findIndex((served) => served.includes(index));
    const stream = new ScheduleStream(learnerFiles[worker], `schedule/learner-${worker}.bin`, stepNumbers);
    const { rings, algorithmPlan, learner: plan, weights } = policy;
    const windows =
      algorithmPlan.experience.kind === 'replay'
        ? new ReplayedWindows(buffer, rings, algorithmPlan.frames, stepNumbers[index], (ring, head) =>
            this.#awaitHead(index, ring, head),
          )
        : undefined;
    const figures = figuresOf(buffer, policy);
    const initial = committedParameters(plan);
    const publisher = new ReplayedPublisher(buffer, weights.bytes, initial, stream, index, figures, plan.figureCount);
    const learner = await buildLearner(run, index, { windows, publisher: () => publisher, witness: publisher });
    return new ReplayedPolicy({ learner, publisher, windows, stream, index });
  }

  async #playToEnd(): Promise<void> {
    let yieldedMs = performance.now();
    while (this.#mayPlay()) {
      this.#playTurn();
      if (performance.now() - yieldedMs < yieldMs) continue;
      await nextEvents();
      yieldedMs = performance.now();
    }
  }

  #mayPlay(): boolean {
    return this.#actor?.finished === false && this.turns < this.#endTurns;
  }

  #playTurn(): void {
    if (this.#isInTurn || !this.#mayPlay()) throw new Difference('a learner waits for rows that never come');
    this.#isInTurn = true;
    this.#actor?.playTurn();
    this.turns++;
    this.#isInTurn = false;
    this.#afterTurn();
  }

  /** Lets the actor play until the head of a ring is where a recorded step saw it. */
  #awaitHead(index: number, ring: number, head: number): void {
    const { rings } = this.#run.plan.policies[index];
    const control = ringControlView(this.#run.policyMemories[index].buffer, rings, ring);
    for (;;) {
      const missing = distance(Atomics.load(control, ringControl.head), head, rings.period);
      if (missing === 0) return;
      if (missing < 0) throw new Difference('a ring is further than a step saw it');
      this.#playTurn();
    }
  }

  /** The same, but a difference says whose it is. */
  #located<Result>(index: number, work: (asked: number) => Result): (asked: number) => Result {
    return (asked) => {
      try {
        return work(asked);
      } catch (error) {
        if (!(error instanceof Difference) || error.isLocated) throw error;
        throw error.at(`in the training of ${this.#run.plan.policies[index].id}: `);
      }
    };
  }
}
