import { debugLogOf } from '../debug-log.js';
import type { TurnEnvironment } from '../environment/environment.js';
import type { Checkpoint } from './checkpoint.js';
import { checkLayouts } from './checkpoint.js';
import type { Checkpoints } from './checkpoints.js';
import type { Reproduction } from './reproduce.js';
import { MarlinError, toError } from '../errors.js';
import { runColumns } from '../metrics/epoch-row.js';
import { faultRecord } from '../metrics/fault-record.js';
import { nowMs } from '../metrics/clock.js';
import type { EndReason, RecordSink, TrainingRecord } from '../metrics/record.js';
import { RecordStream } from '../metrics/record-stream.js';
import type { MarlConfiguration, ResolvedConfiguration } from './configuration.js';
import { resolveConfiguration } from './configuration.js';
import { checkBuiltIn, createEnvironment, planEnvironment } from './environments.js';
import type { EvaluationOptions, EvaluationSummary } from './evaluation.js';
import type { Execution } from './execution.js';
import type { PreparedRun } from './prepared-run.js';
import { createRunDirectory } from './run-directory.js';
import type { RunEvaluations } from './run-evaluations.js';
import { planRun } from './run-plan.js';
import type { RunPlan } from './run-plan.js';
import type { RunSummary } from './summary.js';

export interface RunOptions {
  /**
   * Ends the run in good order when aborted, like {@link MarlSystem.stop}. One that is aborted already starts nothing:
   * `run()` rejects with its reason.
   */
  readonly signal?: AbortSignal;
}

/**
 * One run of multi-agent training: an environment, one learner per agent, and the shared memory between them.
 *
 * ```
 * created ──start()──► running ◄──pause()/resume()──► paused
 *                         │ a stop condition, stop(), an aborted signal
 *                         ▼
 *                       ended   run() resolves with the summary, or rejects with the first failure
 * ```
 *
 * ```ts
 * const system = new MarlSystem({ environment: 'treasurehunt', experiment: { epochs: 200, seed: 7 } });
 * const summary = await system.run();
 * ```
 */
export class MarlSystem implements AsyncDisposable {
  /** The configuration with every default filled in. */
  readonly configuration: ResolvedConfiguration;

  readonly #log = debugLogOf('main');
  readonly #from: Checkpoint | undefined;
  readonly #sinks: RecordSink[] = [];
  readonly #streams: RecordStream[] = [];
  #execution: Execution | undefined;
  #evaluations: RunEvaluations | undefined;
  #checkpoints: Checkpoints | undefined;
  #begun: Promise<void> | undefined;
  #ended: Promise<RunSummary> | undefined;
  #isStopAsked = false;
  #isOver = false;
  #areSinksClosed = false;

  /**
   * Checks the configuration; starts nothing.
   * @param from where it goes on: what `resumeRun` has read
   * @throws ConfigurationError naming the field, its value and the bound
   */
  constructor(configuration: MarlConfiguration, from?: Checkpoint) {
    this.#from = from;
    this.configuration = resolveConfiguration(configuration);
    const { environment, environmentOptions, agentCount, experiment } = this.configuration;
    checkBuiltIn(environment, environmentOptions, { agentCount, maxTurns: experiment.maxTurns });
  }

  /** Seconds that the run had taken at the checkpoint from which it goes on; 0 where it begins. */
  get secondsBefore(): number {
    const row = this.#from?.manifest.monitor.row;
    return row === undefined ? 0 : (row[runColumns.reportedMs] - row[runColumns.startedMs]) / 1000;
  }

  /** Sends every record to `sink` as well. Call before the run starts. */
  addSink(sink: RecordSink): this {
    if (this.#begun !== undefined) throw new MarlinError('ERR_STATE', 'A sink must be added before the run starts.');
    this.#sinks.push(sink);
    return this;
  }

  /**
   * Starts the run and resolves once it is under way.
   * @throws ConfigurationError where the environment's agents and the configuration disagree, or memory does not suffice
   */
  async start(): Promise<void> {
    if (this.#begun !== undefined) throw new MarlinError('ERR_STATE', 'A MarlSystem runs once; make another one.');
    this.#begun = this.#begin().catch((thrown: unknown) => {
      throw toError(thrown);
    });
    try {
      await this.#begun;
    } catch (error) {
      await Promise.allSettled([this.#closeSinks()]);
      await this.#closeStreams(error);
      throw error;
    }
  }

  /**
   * Starts the run unless it has been started, and waits for its end.
   * @throws the first failure of any thread, with its `code` and `cause`
   */
  async run({ signal }: RunOptions = {}): Promise<RunSummary> {
    signal?.throwIfAborted();
    const onAbort = (): void => this.#askToStop();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      if (this.#begun === undefined) await this.start();
      else await this.#begun;
      if (this.#ended === undefined) throw new MarlinError('ERR_STATE', 'The run did not start.');
      return await this.#ended;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the run in good order and resolves when it has ended, well or not. */
  async stop(): Promise<void> {
    this.#askToStop();
    await Promise.allSettled([this.#begun]);
    await Promise.allSettled([this.#ended]);
  }

  /**
   * Plays the newest published weights on a copy of them, in threads beside training, and tells how they fared. While
   * the run is under way or once it has ended, as often as one likes.
   * @throws ConfigurationError naming the option; MarlinError `ERR_STATE` before the run has been started; what an
   * environment threw, with its `code` and `cause`; the signal's reason
   */
  async evaluate(options: EvaluationOptions = {}): Promise<EvaluationSummary> {
    await this.#begun;
    if (this.#evaluations === undefined) {
      throw new MarlinError('ERR_STATE', 'Only a run that has been started can be evaluated.');
    }
    return this.#evaluations.evaluate(options);
  }

  /**
   * Takes a checkpoint at the end of the epoch under way, and resolves once it is written.
   * @returns the epoch that it is of
   * @throws MarlinError `ERR_STATE` where no run is under way, or it writes no files; `ERR_CHECKPOINT`
   */
  async checkpoint(): Promise<number> {
    await this.#begun;
    const checkpoints = this.#checkpoints;
    if (this.#begun === undefined || checkpoints === undefined || this.#isOver) {
      throw new MarlinError('ERR_STATE', 'Only a run that is under way and writes files takes checkpoints.');
    }
    const asked = checkpoints.ask();
    this.#requireExecution().awaitReports();
    return asked;
  }

  /**
   * Repeats this run from its directory once it has ended, on the calling thread, and holds records and weights against
   * what it wrote; see `reproduceRun`.
   * @throws MarlinError `ERR_STATE` where the run has not ended, or wrote no files
   */
  async reproduce(): Promise<Reproduction> {
    const { directory } = this.configuration.output;
    await this.#ended;
    if (this.#ended === undefined || directory === undefined) {
      const why = directory === undefined ? 'a run that writes files (output.directory)' : 'a run that was started';
      throw new MarlinError('ERR_STATE', `Only ${why} can be reproduced.`);
    }
    const { reproduceRun } = await import('./reproduce.js');
    return reproduceRun(directory);
  }

  /** Holds all threads before their next turn or training step. */
  pause(): void {
    this.#requireExecution().pause();
    this.#log?.('asked for a pause');
  }

  resume(): void {
    this.#requireExecution().resume();
    this.#log?.('asked to go on');
  }

  /**
   * The run's records from now on. Starts the run if nothing has. The iteration ends with the run, and throws what the
   * run failed with.
   */
  records(): AsyncIterableIterator<TrainingRecord> {
    const stream = new RecordStream(() => {
      const place = this.#streams.indexOf(stream);
      if (place >= 0) this.#streams.splice(place, 1);
    });
    if (this.#isOver) void stream.close();
    this.#streams.push(stream);
    // A start that fails tells the streams itself.
    if (this.#begun === undefined) this.start().catch(() => {});
    return stream;
  }

  /** Stops the run if it is under way: `await using system = new MarlSystem(…)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#begun !== undefined) await this.stop();
  }

  #askToStop(): void {
    if (!this.#isStopAsked) this.#log?.('asked to stop');
    this.#isStopAsked = true;
    this.#execution?.stop();
    this.#evaluations?.stop();
  }

  #requireExecution(): Execution {
    if (this.#execution === undefined || this.#isOver) {
      throw new MarlinError('ERR_STATE', 'Only a run that is under way can be paused or resumed.');
    }
    return this.#execution;
  }

  async #begin(): Promise<void> {
    const { environment: reference, environmentOptions, agentCount, experiment, parallel, output } = this.configuration;
    const request = { agentCount, maxTurns: experiment.maxTurns };
    const environmentPlan = await planEnvironment(reference, environmentOptions, request);
    const environment = await createEnvironment(environmentPlan);
    let isPlayedHere = false;
    try {
      const plan = await planRun(this.configuration, environmentPlan, environment.agents);
      this.#log?.(`run directory: ${output.directory ?? 'none'}`);
      this.#log?.(`plan: ${planText(plan)}`);
      // Refused, if at all, before a thread starts.
      if (output.directory !== undefined) {
        if (this.#from === undefined) await createRunDirectory(output.directory);
        else checkLayouts(this.#from, plan, output.directory);
      }
      const isSequential = parallel.execution === 'sequential';
      const [execution, run] = isSequential
        ? await this.#prepareHere(plan, environment)
        : await this.#prepareOnThreads(plan);
      isPlayedHere = isSequential;
      this.#sinks.push(...run.sinks);
      this.#execution = execution;
      this.#evaluations = run.evaluations;
      this.#checkpoints = run.checkpoints;
      if (this.#isStopAsked) execution.stop();
      this.#ended = this.#finish(execution, run);
      // Whoever calls run() or stop() is told; a run that was only started must not end the process.
      this.#ended.catch(() => {});
    } finally {
      // Actors on threads make their own; this one has said who its agents are.
      if (!isPlayedHere) environment.dispose?.();
    }
  }

  async #prepareHere(plan: RunPlan, environment: TurnEnvironment): Promise<[Execution, PreparedRun]> {
    const { SequentialExecution } = await import('./sequential-execution.js');
    const run = await this.#prepare(plan);
    return [new SequentialExecution(run.share, environment, run), run];
  }

  async #prepareOnThreads(plan: RunPlan): Promise<[Execution, PreparedRun]> {
    const { startActorThreads } = await import('./actor-threads.js');
    const threads = startActorThreads(plan);
    try {
      const { AsyncExecution } = await import('./async-execution.js');
      const run = await this.#prepare(plan);
      return [new AsyncExecution(run, threads), run];
    } catch (error) {
      await Promise.all(threads.map(async (thread) => thread.terminate()));
      throw error;
    }
  }

  async #prepare(plan: RunPlan): Promise<PreparedRun> {
    // Loaded only now: while the actors' threads load what they need.
    const { prepareRun } = await import('./prepared-run.js');
    return prepareRun(
      plan,
      {
        emit: (record) => this.#emit(record),
        giveUp: () => this.#execution?.stop(),
      },
      this.#from,
    );
  }

  async #finish(execution: Execution, run: PreparedRun): Promise<RunSummary> {
    try {
      await execution.run();
      const endedMs = nowMs();
      const reason: EndReason = this.#isStopAsked ? 'stopped' : 'finished';
      const summary = await run.conclude(reason, endedMs);
      this.#log?.(`${reason}: ${summary.epochs} epochs, ${summary.turns} turns, ${summary.trainSteps} training steps`);
      // A sink that could not write asked for the end of the run, which is then not in good order.
      await Promise.all(this.#sinks.map(async (sink) => sink.flush?.()));
      this.#emit(doneRecord(summary));
      await this.#closeSinks();
      await this.#closeStreams();
      return summary;
    } catch (thrown) {
      const error = toError(thrown);
      this.#log?.(`failed: ${error.stack ?? error.message}`);
      await run.abandon(error);
      // The failure itself is what the caller must hear of, not that a sink failed over it.
      if (!this.#areSinksClosed) await Promise.allSettled([this.#emitFault(error), this.#closeSinks()]);
      await this.#closeStreams(error);
      throw error;
    } finally {
      this.#isOver = true;
    }
  }

  async #emitFault(error: Error): Promise<void> {
    const { worker = 'main' } = error as { readonly worker?: string };
    this.#emit(faultRecord(worker, error, false));
  }

  #emit(record: TrainingRecord): void {
    for (const sink of this.#sinks) sink.write(record);
    for (const stream of this.#streams) stream.write(record);
  }

  async #closeSinks(): Promise<void> {
    this.#areSinksClosed = true;
    const results = await Promise.allSettled(this.#sinks.map(async (sink) => sink.close()));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  async #closeStreams(error?: unknown): Promise<void> {
    this.#isOver = true;
    // Of a copy: a reader that is woken may leave, and the list is then another.
    for (const stream of this.#streams.slice()) {
      if (error === undefined) await stream.close();
      else stream.fail(error);
    }
  }
}

function planText({ configuration, policies, learnerWorkers, memory }: RunPlan): string {
  const { execution } = configuration.parallel;
  const threads = execution === 'sequential' ? 'one thread' : `${learnerWorkers.length} learner workers`;
  const bytes = policies.map((policy) => `${policy.id} ${policy.bytes}`).join(', ');
  return `${execution}, ${threads}; bytes of memory: run ${memory.bytes}, ${bytes}`;
}

function doneRecord(summary: RunSummary): TrainingRecord {
  return {
    kind: 'done',
    timestamp: new Date().toISOString(),
    reason: summary.reason,
    timesteps_total: summary.turns,
    episodes_total: summary.epochs,
    train_steps_total: summary.trainSteps,
    seconds: summary.seconds,
    episode_reward_mean: summary.rewardMean,
    episode_reward_mean_100: summary.rewardMeanLast100,
    weights_hashes: Object.fromEntries(summary.agents.map((agent) => [agent.id, agent.weightsHash])),
    network_engines: Object.fromEntries(summary.agents.map((agent) => [agent.id, agent.networkEngine])),
  };
}
