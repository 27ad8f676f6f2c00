import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MarlSystem } from 'marlin-rl';
import type { Bench, BenchResult } from './bench.js';
import { spreadOf } from './bench.js';

const rounds = 9;

interface Setting {
  readonly name: string;
  readonly trainInterval: number;
  readonly turns: number;
}

/** For about three seconds each. */
const settings: readonly Setting[] = [
  { name: 'training-light', trainInterval: 512, turns: 700_000 },
  { name: 'balanced', trainInterval: 24, turns: 200_000 },
  { name: 'training-heavy', trainInterval: 4, turns: 40_000 },
];

interface Measured {
  readonly seconds: number;
  /** Of processor time, all threads together. */
  readonly processorSeconds: number;
  /** Of the schedule. */
  readonly bytes: number;
}

/** One asynchronous run that writes files, with or without its schedule. */
async function measure({ trainInterval, turns }: Setting, schedule: boolean): Promise<Measured> {
  const directory = await mkdtemp(join(tmpdir(), 'marlin-bench-'));
  try {
    const before = process.cpuUsage();
    const { seconds } = await new MarlSystem({
      environment: 'treasurehunt',
      agents: { algorithm: { epsilon: { start: 0.1, end: 0.1 } } },
      experiment: { totalTurns: turns, seed: 5 },
      parallel: { trainInterval, learningStarts: 500 },
      output: { directory, schedule },
    }).run();
    const { user, system } = process.cpuUsage(before);
    return { seconds, processorSeconds: (user + system) / 1e6, bytes: await scheduleBytes(directory) };
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function scheduleBytes(directory: string): Promise<number> {
  const folder = join(directory, 'schedule');
  const files = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function compare(setting: Setting): Promise<BenchResult[]> {
  const ratios: number[] = [];
  const processorRatios: number[] = [];
  const bytesPerTurn: number[] = [];
  await measure({ ...setting, turns: setting.turns / 10 }, true);
  for (let round = 0; round < rounds; round++) {
    const isRecordedFirst = round % 2 === 0;
    const first = await measure(setting, isRecordedFirst);
    const second = await measure(setting, !isRecordedFirst);
    const [recorded, plain] = isRecordedFirst ? [first, second] : [second, first];
    ratios.push(recorded.seconds / plain.seconds);
    processorRatios.push(recorded.processorSeconds / plain.processorSeconds);
    bytesPerTurn.push(recorded.bytes / setting.turns);
  }
  return [
    { what: `recorded ÷ not recorded, ${setting.name}`, ...spreadOf(ratios), unit: '×', bound: '≤ 1.02' },
    { what: '  the same by processor time', ...spreadOf(processorRatios), unit: '×' },
    { what: '  bytes per turn, two agents', ...spreadOf(bytesPerTurn), unit: 'B' },
  ];
}

export const bench: Bench = {
  name: 'recording',
  async run() {
    const results: BenchResult[] = [];
    for (const setting of settings) results.push(...(await compare(setting)));
    return results;
  },
};
