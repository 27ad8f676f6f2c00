import { MarlSystem } from 'marlin-rl';
import type { Score, SeedResult } from './task.js';
import { sourceReward } from './task.js';
import { tasks } from './tasks.js';

/** Points of a curve at the most. */
const curvePoints = 100;
const trailingEpochs = 100;

interface Epoch {
  readonly turns: number;
  readonly reward: number;
}

/** Runs one seed of a task in the calling thread: the job of a pool. */
export default async function runSeed({ task: name, seed }: { task: string; seed: number }): Promise<SeedResult> {
  const task = tasks.find((candidate) => candidate.name === name);
  if (task === undefined) throw new Error(`There is no task ${name}.`);
  const configuration = task.configuration(seed);
  const system = new MarlSystem({
    ...configuration,
    parallel: { ...configuration.parallel, execution: 'sequential' },
  });
  const epochs: Epoch[] = [];
  system.addSink({
    write(record) {
      if (record.kind === 'episode') epochs.push({ turns: record.timesteps_total, reward: record.episode_reward });
    },
    async close() {},
  });
  const summary = await system.run();
  return {
    seed,
    scores: await scoresOf(system, task.score, epochs),
    sourcePassedAt: firstAbove(epochs, sourceReward),
    seconds: summary.seconds,
    areStepsDone: summary.agents.every((agent) => agent.trainSteps === agent.owedTrainSteps),
    curve: curveOf(epochs),
  };
}

async function scoresOf(system: MarlSystem, score: Score, epochs: readonly Epoch[]): Promise<number[]> {
  if (score.kind === 'training') return [meanOf(epochs.slice(-score.lastEpochs))];
  const { agents } = await system.evaluate({ episodes: score.episodes, greedy: true });
  return agents.map((agent) => agent.rewardMean);
}

/** The first epoch at which the trailing mean is above `reward`. */
function firstAbove(epochs: readonly Epoch[], reward: number): number | null {
  for (let count = trailingEpochs; count <= epochs.length; count++) {
    if (meanOf(epochs.slice(count - trailingEpochs, count)) > reward) return count;
  }
  return null;
}

/** Means over stretches of as many epochs as make few enough points. */
function curveOf(epochs: readonly Epoch[]): (readonly [number, number])[] {
  const stretch = Math.max(1, Math.ceil(epochs.length / curvePoints));
  const points: (readonly [number, number])[] = [];
  for (let first = 0; first + stretch <= epochs.length; first += stretch) {
    const part = epochs.slice(first, first + stretch);
    points.push([part[part.length - 1].turns, Math.round(meanOf(part) * 100) / 100]);
  }
  return points;
}

function meanOf(epochs: readonly Epoch[]): number {
  return epochs.reduce((sum, epoch) => sum + epoch.reward, 0) / epochs.length;
}
