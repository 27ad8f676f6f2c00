import cliProgress from 'cli-progress';
import pc from 'picocolors';
import type { RecordSink, TrainingRecord } from '../metrics/record.js';
import type { ResolvedConfiguration } from '../system/configuration.js';

type Output = NodeJS.WriteStream;

/** How training stands, from the records so far. */
class Standing {
  epochs = 0;
  turns = 0;
  trainSteps = 0;
  reward = Number.NaN;
  stepsPerSecond = 0;
  /** Of the newest evaluation. */
  evaluation = '';
  readonly #configuration: ResolvedConfiguration;
  readonly #beganMs: number;

  constructor(configuration: ResolvedConfiguration, secondsBefore: number) {
    this.#configuration = configuration;
    this.#beganMs = performance.now() - secondsBefore * 1000;
  }

  take(record: TrainingRecord): void {
    if (record.kind === 'episode') {
      this.epochs = record.episode;
      this.turns = record.timesteps_total;
    } else if (record.kind === 'iteration') {
      this.trainSteps = record.train_steps_total;
      this.reward = record.episode_reward_mean_100;
      this.stepsPerSecond = record.steps_per_second;
    } else if (record.kind === 'evaluation') {
      this.evaluation = `evaluated ${record.episode_reward_mean.toFixed(1)} at epoch ${record.episodes_total}`;
    } else if (record.kind === 'done') {
      this.trainSteps = record.train_steps_total;
      this.reward = record.episode_reward_mean_100;
    }
  }

  /** Of the whole run. */
  get seconds(): number {
    return (performance.now() - this.#beganMs) / 1000;
  }

  /** Share of the run that is done, by whichever stop condition is nearest. */
  get share(): number {
    const { epochs, totalTurns, maxSeconds } = this.#configuration.experiment;
    return Math.min(1, Math.max(this.epochs / epochs, this.turns / totalTurns, this.seconds / maxSeconds));
  }

  get secondsLeft(): number | undefined {
    const { share } = this;
    return share > 0 ? (this.seconds * (1 - share)) / share : undefined;
  }

  text(): string {
    const { epochs } = this.#configuration.experiment;
    const reward = Number.isNaN(this.reward) ? '–' : this.reward.toFixed(1);
    return [
      `epoch ${this.epochs}${epochs === Infinity ? '' : `/${epochs}`}`,
      `reward ${reward}`,
      ...(this.evaluation === '' ? [] : [this.evaluation]),
      `${Math.round(this.stepsPerSecond).toLocaleString('en-US')} steps/s`,
      `${this.trainSteps.toLocaleString('en-US')} training steps`,
      `${duration(this.secondsLeft)} left`,
    ].join('  ');
  }
}

/**
 * A live line on a terminal, plain lines now and then elsewhere.
 * @param secondsBefore that the run has taken already, where it was resumed
 */
export function createProgress(configuration: ResolvedConfiguration, output: Output, secondsBefore = 0): RecordSink {
  const standing = new Standing(configuration, secondsBefore);
  return output.isTTY ? new ProgressLine(standing, output) : new ProgressLog(standing, output);
}

class ProgressLine implements RecordSink {
  readonly #standing: Standing;
  readonly #bar: cliProgress.SingleBar;

  constructor(standing: Standing, output: Output) {
    this.#standing = standing;
    const colors = pc.createColors(process.env['NO_COLOR'] === undefined || process.env['NO_COLOR'] === '');
    this.#bar = new cliProgress.SingleBar(
      {
        stream: output,
        format: `${colors.cyan('{bar}')} {percentage}%  {standing}`,
        barsize: 20,
        fps: 8,
        hideCursor: true,
        // SIGINT is the command's to handle.
        gracefulExit: false,
        linewrap: false,
      },
      cliProgress.Presets.shades_classic,
    );
    this.#bar.start(100, 0, { standing: this.#standing.text() });
  }

  write(record: TrainingRecord): void {
    this.#standing.take(record);
    // Drawn at the bar's own rate, not per record.
    this.#bar.update(Math.floor(this.#standing.share * 100), { standing: this.#standing.text() });
  }

  async close(): Promise<void> {
    this.#bar.stop();
  }
}

/** Seconds between two plain lines. */
const logSeconds = 2;

class ProgressLog implements RecordSink {
  readonly #standing: Standing;
  readonly #output: Output;
  #loggedAt: number;

  constructor(standing: Standing, output: Output) {
    this.#standing = standing;
    this.#loggedAt = standing.seconds;
    this.#output = output;
  }

  write(record: TrainingRecord): void {
    this.#standing.take(record);
    if (record.kind !== 'iteration' || this.#standing.seconds - this.#loggedAt < logSeconds) return;
    this.#loggedAt = this.#standing.seconds;
    this.#output.write(`${this.#standing.text()}\n`);
  }

  async close(): Promise<void> {
    // Lines are written as they come.
  }
}

function duration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return '–';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
