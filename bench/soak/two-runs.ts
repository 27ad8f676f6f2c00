import { join } from 'node:path';
import type { MarlConfiguration, RunSummary } from 'marlin-rl';
import { MarlSystem } from 'marlin-rl';
import type { SoakTask } from './task.js';
import { Threads } from './threads.js';

interface TwoRunsResult {
  /** Kills among the threads of both. */
  readonly kills: number;
  readonly areSame: boolean;
  readonly isWhole: boolean;
  readonly threadsLeft: number;
}

function hashes(summary: RunSummary): string {
  return summary.agents.map((agent) => agent.weightsHash).join();
}

/** A sequential run and an asynchronous one in the same process at once, whose threads are killed now and then. */
export async function runTwo(folder: string, epochs: number, kills: number): Promise<TwoRunsResult> {
  const here: MarlConfiguration = {
    environment: 'treasurehunt',
    experiment: { epochs, seed: 3 },
    parallel: { execution: 'sequential', learningStarts: 200 },
  };
  const alone = await new MarlSystem(here).run();
  using threads = new Threads();
  let killed = 0;
  const timer = setInterval(() => {
    if (killed < kills && threads.terminateOne(Math.random)) killed++;
  }, 150);
  try {
    const [together, other] = await Promise.all([
      new MarlSystem({ ...here, output: { directory: join(folder, 'here') } }).run(),
      new MarlSystem({
        environment: 'treasurehunt',
        experiment: { epochs, seed: 4 },
        parallel: { learningStarts: 200, restart: { maxRestarts: Infinity } },
        output: { directory: join(folder, 'threads') },
      }).run(),
    ]);
    return {
      kills: killed,
      areSame: hashes(together) === hashes(alone),
      isWhole: other.epochs === epochs && other.agents.every((agent) => agent.trainSteps === agent.owedTrainSteps),
      threadsLeft: threads.alive.size,
    };
  } finally {
    clearInterval(timer);
  }
}

export const twoRuns: SoakTask<TwoRunsResult> = {
  name: 'two-runs',
  title: 'Two runs in one process',
  rounds: 3,
  round: async (index, scratch) => runTwo(join(scratch, `two-${index}`), 200, 10),
  findings: (results) => [
    {
      what: 'a sequential run beside an asynchronous one whose threads are killed: the bits of it alone; the other does all it owes; no thread left',
      bar: 'all',
      seen: `${results.filter(isRight).length} of ${results.length}, ${results.reduce((total, { kills }) => total + kills, 0)} kills`,
      isMet: results.every(isRight),
    },
  ],
};

function isRight({ areSame, isWhole, threadsLeft }: TwoRunsResult): boolean {
  return areSame && isWhole && threadsLeft === 0;
}
