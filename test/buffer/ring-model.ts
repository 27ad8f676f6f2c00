import type { SamplingRule } from '#marlin/buffer/transition-reader.js';
import { rowsPerClaim } from '#marlin/buffer/ring-plan.js';

/** What is known of one moment of an episode, as numbers that the ring stores exactly. */
export interface ModelMoment {
  readonly observation: readonly number[];
  readonly legal: readonly number[];
}

export interface ModelStep extends ModelMoment {
  /** Unique in the test, so that a sampled transition names its row. */
  readonly action: number;
  readonly reward: number;
  readonly fields: readonly (readonly number[])[];
}

export interface ModelEpisode {
  /** Row of the first step, counted from the first row ever written to the ring. */
  readonly firstRow: number;
  readonly steps: ModelStep[];
  end: 'open' | 'terminated' | 'truncated' | 'abandoned';
  final: ModelMoment | undefined;
}

export interface ModelSample {
  readonly observation: number[];
  readonly nextObservation: number[];
  readonly nStepReturn: number;
  readonly bootstrapDiscount: number;
  readonly nextLegal: readonly number[];
}

/** A ring as a plain array of episodes that forgets nothing. */
export class RingModel {
  readonly episodes: ModelEpisode[] = [];
  /** Rows ever written, boundary rows included. */
  rows = 0;

  append(step: ModelStep, end: 'open' | 'terminated' | 'truncated', final: ModelMoment): void {
    const last = this.episodes.at(-1);
    let episode = last;
    if (episode === undefined || episode.end !== 'open') {
      episode = { firstRow: this.rows, steps: [], end: 'open', final: undefined };
      this.episodes.push(episode);
    }
    episode.steps.push(step);
    this.rows++;
    if (end === 'open') return;
    episode.end = end;
    episode.final = final;
    this.rows++;
  }

  /** The episode under way has lost its writer. */
  abandon(): void {
    const episode = this.episodes.at(-1);
    if (episode?.end === 'open') episode.end = 'abandoned';
  }

  /** Every transition that a ring of this capacity may return, by its action. */
  samples(rule: SamplingRule, capacity: number): Map<number, ModelSample> {
    const oldest = this.rows - Math.min(this.rows, capacity - rowsPerClaim - rule.frames + 1);
    const samples = new Map<number, ModelSample>();
    for (const episode of this.episodes) {
      for (const [time, step] of episode.steps.entries()) {
        if (episode.firstRow + time < oldest) continue;
        const sample = sampleAt(episode, time, rule);
        if (sample !== undefined) samples.set(step.action, sample);
      }
    }
    return samples;
  }
}

/** The n-step transition of stacked observations that begins at `time`; undefined where the future is not known yet. */
function sampleAt(episode: ModelEpisode, time: number, rule: SamplingRule): ModelSample | undefined {
  const moments: ModelMoment[] = [...episode.steps];
  if (episode.final !== undefined) moments.push(episode.final);
  const taken = Math.min(rule.steps, episode.steps.length - time);
  const next = moments[time + taken];
  if (next === undefined) return undefined;
  const rewards = episode.steps.slice(time, time + taken).map((step) => step.reward);
  const bootstraps = episode.end !== 'terminated' || time + taken < episode.steps.length;
  return {
    observation: stack(moments, time, rule),
    nextObservation: stack(moments, time + taken, rule),
    nStepReturn: rewards.reduce((sum, reward, power) => sum + rule.discount ** power * reward, 0),
    bootstrapDiscount: bootstraps ? rule.discount ** taken : 0,
    nextLegal: next.legal,
  };
}

function stack(moments: readonly ModelMoment[], time: number, rule: SamplingRule): number[] {
  const frames = Array.from({ length: rule.frames }, (_, index) => {
    const { observation } = moments[Math.max(0, time - rule.frames + 1 + index)];
    const known = time - rule.frames + 1 + index >= 0;
    return observation.map((value) => (known ? Math.fround(value * Math.fround(rule.observationScale)) : 0));
  });
  return frames.flat();
}
