import { MarlSystem } from 'marlin-rl';
import type { Bench, BenchResult } from './bench.js';
import { spreadOf } from './bench.js';

const seeds = [1, 2, 3];
const epochs = 300;
/** Mean summed reward that the Python source reaches in 187 s. */
const sourceReward = 231;

interface Learned {
  /** Mean summed reward of epochs 201–300. */
  readonly reward: number;
  readonly seconds: number;
  /** Seconds until the mean of the last 100 epochs passed that of the source. */
  readonly secondsToSource: number;
  readonly areStepsDone: boolean;
}

async function learn(execution: 'sequential' | 'async', seed: number): Promise<Learned> {
  const system = new MarlSystem({
    environment: 'treasurehunt',
    experiment: { epochs, seed, logInterval: 1 },
    parallel: { execution },
  });
  // The start of the threads counts as well.
  const startedMs = Date.now();
  let secondsToSource = Infinity;
  system.addSink({
    write(record) {
      const now = Date.parse(record.timestamp);
      if (record.kind !== 'iteration' || record.episodes_total < 100 || secondsToSource < Infinity) return;
      if (record.episode_reward_mean_100 > sourceReward) secondsToSource = (now - startedMs) / 1000;
    },
    async close() {},
  });
  const summary = await system.run();
  return {
    reward: summary.rewardMeanLast100,
    seconds: summary.seconds,
    secondsToSource,
    areStepsDone: summary.agents.every((agent) => agent.trainSteps === agent.owedTrainSteps),
  };
}

/** Treasurehunt with the defaults, three seeds, both executions in turn. */
export const bench: Bench = {
  name: 'learning',
  async run() {
    const learned = { sequential: [] as Learned[], async: [] as Learned[] };
    for (const seed of seeds) {
      learned.sequential.push(await learn('sequential', seed));
      learned.async.push(await learn('async', seed));
    }
    const results: BenchResult[] = [];
    for (const execution of ['sequential', 'async'] as const) {
      const runs = learned[execution];
      const mean = runs.reduce((sum, run) => sum + run.reward, 0) / runs.length;
      const rewards = spreadOf(runs.map((run) => run.reward));
      const rewardBound = execution === 'sequential' ? '≥ 300, each ≥ 285' : '≥ 0.95 × sequential';
      results.push(
        {
          ...rewards,
          what: `${execution}: mean of epochs 201–300, mean of seeds`,
          median: mean,
          unit: '',
          bound: rewardBound,
        },
        {
          what: `${execution}: seconds to the source's ${sourceReward}`,
          ...spreadOf(runs.map((run) => run.secondsToSource)),
          unit: 's',
          bound: '≤ 6',
        },
        { what: `${execution}: seconds for ${epochs} epochs`, ...spreadOf(runs.map((run) => run.seconds)), unit: 's' },
        {
          what: `${execution}: training steps equal what was owed`,
          ...spreadOf(runs.map((run) => (run.areStepsDone ? 1 : 0))),
          unit: '',
          bound: '1',
        },
      );
    }
    return results;
  },
};
