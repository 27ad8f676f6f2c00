import type { MarlConfiguration } from 'marlin-rl';

/** How a trained run is scored. */
export type Score =
  /** Mean summed reward of the last so many training epochs. */
  | { readonly kind: 'training'; readonly lastEpochs: number }
  /** Mean return of greedy episodes with the final weights, for each agent. */
  | { readonly kind: 'greedy'; readonly episodes: number };

/** What one seed came to. */
export interface SeedResult {
  readonly seed: number;
  /** One score, or one for each agent. */
  readonly scores: readonly number[];
  /** Epoch by which the trailing mean of 100 epochs passed the reward that the Python source reaches; null: never. */
  readonly sourcePassedAt: number | null;
  readonly seconds: number;
  readonly areStepsDone: boolean;
  /** Turns since the run began, and the reward of one agent per epoch, averaged over a stretch of epochs. */
  readonly curve: readonly (readonly [turns: number, reward: number])[];
}

/** A row of "Results to reproduce". */
export interface Task {
  readonly name: string;
  readonly title: string;
  /** The settings that matter, in words. */
  readonly settings: string;
  readonly bar: string;
  readonly seeds: readonly number[];
  readonly score: Score;
  configuration(seed: number): MarlConfiguration;
  /** Whether the bar is met; undefined where a row only reports. */
  isMet(results: readonly SeedResult[]): boolean | undefined;
}

/** Mean summed reward that the Python source reaches on treasurehunt after 1000 epochs. */
export const sourceReward = 231;

/** What a seed is judged by: the score of its worst agent. */
export function scoreOf(result: SeedResult): number {
  return Math.min(...result.scores);
}
