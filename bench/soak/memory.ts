import { join } from 'node:path';
import { MarlSystem } from 'marlin-rl';
import { spreadText } from './figures.js';
import type { SoakTask } from './task.js';
import { openFiles, Threads } from './threads.js';

/** Resident megabytes of this process, its threads included, after a collection where there may be one. */
function residentMegabytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 1e6;
}

interface MemoryResult {
  readonly what: 'turns' | 'cycles';
  /** After each tenth. */
  readonly megabytes: readonly number[];
  readonly threadsLeft: number;
  readonly filesLeft: number;
}

/** One long run: small agents, every part at work. */
export async function overTurns(directory: string, turns: number): Promise<MemoryResult> {
  using threads = new Threads();
  const megabytes: number[] = [];
  const tenth = turns / 10;
  await new MarlSystem({
    environment: 'treasurehunt',
    environmentOptions: { height: 11, width: 11 },
    agents: { algorithm: { hiddenSizes: [16], frameStack: 1 } },
    experiment: { epochs: Infinity, totalTurns: turns, checkpointEvery: 1_000, logInterval: 100 },
    parallel: { bufferCapacity: 2_000, trainInterval: 16, batchSize: 16 },
    output: { directory },
  })
    .addSink({
      write(record) {
        if (record.kind === 'episode' && record.timesteps_total >= tenth * (megabytes.length + 1)) {
          megabytes.push(residentMegabytes());
        }
      },
      close: async () => {},
    })
    .run();
  return { what: 'turns', megabytes, threadsLeft: threads.alive.size, filesLeft: openFiles(directory).length };
}

export async function overCycles(directory: string, cycles: number): Promise<MemoryResult> {
  using threads = new Threads();
  const megabytes: number[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    await new MarlSystem({
      environment: 'treasurehunt',
      experiment: { epochs: 12, seed: cycle },
      parallel: { learningStarts: 200 },
      output: { directory: join(directory, String(cycle)) },
    }).run();
    if ((cycle + 1) % (cycles / 10) === 0) megabytes.push(residentMegabytes());
  }
  return { what: 'cycles', megabytes, threadsLeft: threads.alive.size, filesLeft: openFiles(directory).length };
}

/** Least squares, megabytes per tenth, over the last seven: the first are the engine's warming up. */
export function growthPerTenth(megabytes: readonly number[]): number {
  const last = megabytes.slice(3);
  const meanX = (last.length - 1) / 2;
  const meanY = last.reduce((total, value) => total + value, 0) / last.length;
  let [over, under] = [0, 0];
  for (const [x, y] of last.entries()) {
    over += (x - meanX) * (y - meanY);
    under += (x - meanX) ** 2;
  }
  return over / under;
}

export const memory: SoakTask<MemoryResult> = {
  name: 'memory',
  title: 'Memory',
  rounds: 2,
  round: async (index, scratch) =>
    index === 0 ? overTurns(join(scratch, 'turns'), 1_000_000) : overCycles(join(scratch, 'cycles'), 100),
  findings: (results) =>
    results.map((result) => {
      const growth = growthPerTenth(result.megabytes);
      const tenth = result.what === 'turns' ? '100 000 turns' : '10 starts and stops';
      const over = result.what === 'turns' ? 'one run of 1 000 000 turns' : '100 runs, one after another';
      return {
        what: `resident memory over ${over}`,
        bar: 'flat: the last seven tenths grow by less than 1 MB per tenth; no thread or file left',
        seen: `${growth.toFixed(2)} MB per ${tenth}; ${spreadText(result.megabytes, 'MB')} tenths; ${result.threadsLeft} threads and ${result.filesLeft} files left`,
        isMet: growth < 1 && result.threadsLeft + result.filesLeft === 0,
      };
    }),
};
