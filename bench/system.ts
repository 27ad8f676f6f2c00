import type { MarlConfiguration, RunSummary } from 'marlin-rl';
import { MarlSystem } from 'marlin-rl';
import type { Bench, BenchResult } from './bench.js';
import { spreadOf } from './bench.js';
import { SpinWorkers } from './capacity.js';

/** Blocks that must pass the check of capacity, and blocks tried at the most. */
const wantedBlocks = 7;
const blockLimit = 20;
/** Below this the machine does not give two threads enough for a statement about parallel work. */
const leastCapacity = 1.7;

interface Setting {
  readonly name: string;
  /** Turns per training event: how heavy training is. */
  readonly trainInterval: number;
  readonly turns: number;
}

/** Turns for about five seconds each: threads of their own first have to compile the code that this one has warm. */
const settings: readonly Setting[] = [
  { name: 'training-light', trainInterval: 512, turns: 1_200_000 },
  { name: 'balanced', trainInterval: 24, turns: 300_000 },
  { name: 'training-heavy', trainInterval: 4, turns: 60_000 },
];

/** One block: the machine's capacity before and after, and the same work three ways. */
interface Block {
  readonly capacity: number;
  /** `async` over `sequential`. */
  readonly speedup: number;
  /** min(capacity, total work ÷ longest indivisible part). */
  readonly limit: number;
  readonly areStepsDone: boolean;
}

async function run(setting: Setting, parallel: MarlConfiguration['parallel']): Promise<RunSummary> {
  return new MarlSystem({
    environment: 'treasurehunt',
    // Acting by the network throughout, so that a turn costs the same with and without training.
    agents: { algorithm: { epsilon: { start: 0.1, end: 0.1 } } },
    experiment: { totalTurns: setting.turns, seed: 5 },
    parallel: { trainInterval: setting.trainInterval, learningStarts: 500, ...parallel },
  }).run();
}

async function measureBlock(setting: Setting, spinners: SpinWorkers): Promise<Block> {
  const before = await spinners.capacity();
  const sequential = await run(setting, { execution: 'sequential' });
  const parallel = await run(setting, { execution: 'async' });
  // The actor's own work: the same turns without training.
  const acting = await run(setting, { execution: 'sequential', gradientSteps: 0 });
  const after = await spinners.capacity();
  const training = Math.max(0, sequential.seconds - acting.seconds) / sequential.agents.length;
  const indivisible = Math.max(acting.seconds, training);
  const capacity = Math.min(before, after);
  return {
    capacity,
    speedup: sequential.seconds / parallel.seconds,
    limit: Math.min(capacity, sequential.seconds / indivisible),
    areStepsDone: [sequential, parallel].every((summary) =>
      summary.agents.every((agent) => agent.trainSteps === agent.owedTrainSteps),
    ),
  };
}

async function compare(setting: Setting): Promise<BenchResult[]> {
  const spinners = new SpinWorkers();
  const blocks: Block[] = [];
  let tried = 0;
  try {
    await measureBlock({ ...setting, turns: setting.turns / 10 }, spinners);
    for (; blocks.length < wantedBlocks && tried < blockLimit; tried++) {
      const block = await measureBlock(setting, spinners);
      if (block.capacity >= leastCapacity) blocks.push(block);
    }
  } finally {
    await spinners.end();
  }
  const what = `async ÷ sequential, ${setting.name}`;
  const of = `${blocks.length} of ${tried} blocks with capacity ≥ ${leastCapacity}`;
  if (blocks.length === 0) {
    return [{ what: `${what}: no block with capacity ≥ ${leastCapacity}`, ...spreadOf([Number.NaN]), unit: '×' }];
  }
  return [
    { what: `${what} (${of})`, ...spreadOf(blocks.map((block) => block.speedup)), unit: '×', bound: '≥ 0.95' },
    { what: `  limit: min(capacity, work ÷ longest part)`, ...spreadOf(blocks.map((block) => block.limit)), unit: '×' },
    {
      what: '  share of the limit reached',
      ...spreadOf(blocks.map((block) => block.speedup / block.limit)),
      unit: '',
      bound: '≥ 0.85',
    },
    {
      what: '  runs whose training steps equal what was owed',
      ...spreadOf(blocks.map((block) => (block.areStepsDone ? 1 : 0))),
      unit: '',
      bound: '1',
    },
  ];
}

export const bench: Bench = {
  name: 'system',
  async run() {
    const results: BenchResult[] = [];
    for (const setting of settings) results.push(...(await compare(setting)));
    return results;
  },
};
