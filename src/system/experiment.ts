import { MarlinError } from '../errors.js';
import type { MarlConfiguration } from './configuration.js';
import type { RunOptions } from './marl-system.js';
import { MarlSystem } from './marl-system.js';
import type { RunSummary } from './summary.js';

/**
 * An experiment that can be run one way or the other: `runExperiment()` on the calling thread, `runExperimentMp()` with
 * actor and learners on threads of their own. Both take the same configuration, do the same number of training steps
 * for the same number of turns, and return the same summary. Every call is a run of its own.
 */
export class Experiment {
  readonly #configuration: MarlConfiguration;

  /** @throws ConfigurationError naming the field, its value and the bound */
  constructor(configuration: MarlConfiguration) {
    // As it was given, and here rather than at the first run: what is refused is named as the user wrote it.
    void new MarlSystem(configuration);
    this.#configuration = configuration;
  }

  /** Everything on the calling thread; starts no thread, unless `evaluateEvery` asks for some beside it. */
  async runExperiment(options?: RunOptions): Promise<RunSummary> {
    return this.#system('sequential').run(options);
  }

  /**
   * Actor and learners at once, each on a thread. Where no thread can be had at all, it says so, once in a process, and
   * runs like {@link runExperiment}.
   */
  async runExperimentMp(options?: RunOptions): Promise<RunSummary> {
    try {
      return await this.#system('async').run(options);
    } catch (error) {
      if (!(error instanceof MarlinError) || error.code !== 'ERR_THREADS') throw error;
      warnOnce(`${error.message}. Everything runs on this thread instead.`);
      return this.runExperiment(options);
    }
  }

  #system(execution: 'sequential' | 'async'): MarlSystem {
    return new MarlSystem({
      ...this.#configuration,
      parallel: { ...this.#configuration.parallel, execution },
    });
  }
}

let hasWarned = false;

function warnOnce(message: string): void {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(message, 'MarlinWarning');
}
