import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FaultRecord } from 'marlin-rl';
import { MarlSystem, reproduceRun } from 'marlin-rl';
import { spreadText, sum } from './figures.js';
import { flawOf, recordsOf } from './run-check.js';
import type { SoakTask } from './task.js';
import { openFiles, Threads } from './threads.js';

const manners = ['terminate', 'exit', 'throw', 'hang', 'heap'] as const;
type Manner = (typeof manners)[number];

const publishInterval = 10;
/** Of PPO's one iteration: 10 passes over 4 minibatches. */
const stepsPerCommit = { dqn: publishInterval, ppo: 40 } as const;
type AlgorithmName = keyof typeof stepsPerCommit;

/** What a run with kills came to. Plain data. */
export interface KillsResult {
  readonly algorithm: AlgorithmName;
  readonly kills: Readonly<Partial<Record<Manner, number>>>;
  readonly faults: number;
  readonly flaw: string | null;
  readonly isReproduced: boolean;
  readonly threadsLeft: number;
  readonly filesLeft: number;
  /** Per death of a learner. */
  readonly trainStepsLost: readonly number[];
  /** Per death of an actor. */
  readonly turnsLost: readonly number[];
  /**
   * From a learner's death to the next training step of the thread that followed. Not of hangs, which a time-out finds, nor
   * of heaps, which take long to fill.
   */
  readonly toNextStepMs: readonly number[];
}

export interface KillsOptions {
  readonly algorithm: AlgorithmName;
  readonly seed: number;
  readonly epochs: number;
  /** At the most; the run may end before. */
  readonly kills: number;
  /** Longest pause between a recovery and the next kill, milliseconds. */
  readonly pauseMs: number;
}

const who = ['actor', 'learner'] as const;

/** Runs treasurehunt while threads are killed, one after another, in every manner, actor and learners alike. */
export async function runWithKills(directory: string, options: KillsOptions): Promise<KillsResult> {
  const { algorithm, seed, epochs, pauseMs } = options;
  const orders = `${directory}-orders`;
  await mkdir(orders, { recursive: true });
  process.env['MARLIN_SOAK_ORDERS'] = orders;
  using threads = new Threads();
  try {
    const module = new URL(`../../bench/soak/mortal-${algorithm}.js`, import.meta.url);
    const faults: FaultRecord[] = [];
    const system = new MarlSystem({
      environment: 'treasurehunt',
      agents: { algorithm: { module } },
      experiment: { epochs, seed, checkpointEvery: 50 },
      parallel: {
        publishInterval,
        // One for each agent.
        learnerWorkers: 2,
        learningStarts: 200,
        restart: { maxRestarts: Infinity },
        heartbeatTimeoutMs: 500,
        heapLimitMb: 64,
      },
      output: { directory },
    }).addSink({ write: (record) => void (record.kind === 'fault' && faults.push(record)), close: async () => {} });
    const state = { isOver: false };
    const isOver = (): boolean => state.isOver;
    const run = system.run().finally(() => (state.isOver = true));
    run.catch(() => {});
    const kills: Partial<Record<Manner, number>> = {};
    const toNextStepMs: number[] = [];
    for (let kill = 0; kill < options.kills && !isOver(); kill++) {
      await delay(Math.random() * pauseMs);
      const manner = manners[kill % manners.length];
      const before = faults.length;
      const diedMs = await killOne(orders, manner, who[Math.floor(kill / manners.length) % 2], threads, isOver);
      if (diedMs === undefined) break;
      kills[manner] = (kills[manner] ?? 0) + 1;
      while (faults.length === before && !isOver()) await delay(1);
      const [, worker] = /^learner-(\d+)$/.exec(faults.at(-1)?.worker ?? '') ?? [];
      const isTimed = manner !== 'hang' && manner !== 'heap';
      const stepMs = worker === undefined ? undefined : await firstStepAfter(orders, `agent-${worker}`, diedMs, isOver);
      if (stepMs !== undefined && isTimed) toNextStepMs.push(stepMs - diedMs);
    }
    await rm(join(orders, 'order'), { force: true });
    const summary = await run;
    const flaw = flawOf(summary, await recordsOf(directory), epochs) ?? null;
    const { isSame, difference } = await reproduceRun(directory);
    return {
      algorithm,
      kills,
      faults: faults.length,
      flaw: flaw ?? difference ?? null,
      isReproduced: isSame,
      threadsLeft: threads.alive.size,
      filesLeft: openFiles(directory).length,
      trainStepsLost: faults.flatMap((fault) => fault.train_steps_lost ?? []),
      turnsLost: faults.flatMap((fault) => fault.turns_lost ?? []),
      toNextStepMs,
    };
  } finally {
    delete process.env['MARLIN_SOAK_ORDERS'];
    await rm(orders, { recursive: true, force: true });
  }
}

/** @returns when it died, milliseconds since 1970; undefined where the run ended before anybody did */
async function killOne(
  orders: string,
  manner: Manner,
  victim: (typeof who)[number],
  threads: Threads,
  isOver: () => boolean,
): Promise<number | undefined> {
  if (manner === 'terminate') {
    while (!isOver()) {
      const diedMs = performance.timeOrigin + performance.now();
      if (threads.terminateOne(Math.random)) return diedMs;
      await delay(5);
    }
    return undefined;
  }
  await writeFile(join(orders, 'order.new'), `${victim} ${manner}`);
  await rm(join(orders, 'taken'), { force: true });
  // Whole at once.
  await rename(join(orders, 'order.new'), join(orders, 'order'));
  while (!existsSync(join(orders, 'taken'))) {
    if (isOver()) return undefined;
    await delay(1);
  }
  await delay(5);
  return Number((await readFile(join(orders, 'deaths'), 'utf8')).trim().split('\n').at(-1));
}

/** When the next thread did its first training step for this agent; undefined where the run ended before. */
async function firstStepAfter(
  orders: string,
  agent: string,
  afterMs: number,
  isOver: () => boolean,
): Promise<number | undefined> {
  const path = join(orders, 'first-steps');
  while (!isOver()) {
    const steps = existsSync(path) ? (await readFile(path, 'utf8')).trim().split('\n') : [];
    const times = steps.filter((step) => step.startsWith(`${agent} `)).map((step) => Number(step.split(' ')[1]));
    const next = times.find((stepMs) => stepMs > afterMs);
    if (next !== undefined) return next;
    await delay(2);
  }
  return undefined;
}

const wantedKills = 200;
const killsPerRound = 20;

export const kills: SoakTask<KillsResult> = {
  name: 'kills',
  title: 'Threads killed at random moments',
  rounds: (wantedKills / killsPerRound) * 2,
  round: async (index, scratch) =>
    runWithKills(join(scratch, `kills-${index}`), {
      algorithm: index % 2 === 0 ? 'dqn' : 'ppo',
      seed: index,
      epochs: 300,
      kills: killsPerRound,
      pauseMs: 120,
    }),
  findings(results) {
    const tried = sum(results.flatMap((result) => Object.values(result.kills)));
    const flawed = results.filter((result) => result.flaw !== null);
    const byManner = manners.map((manner) => `${manner} ${sum(results.map((result) => result.kills[manner] ?? 0))}`);
    const isFlawless = flawed.length === 0;
    const lostOf = (name: AlgorithmName): number[] =>
      results.filter((result) => result.algorithm === name).flatMap((result) => result.trainStepsLost);
    const latencies = results.flatMap((result) => result.toNextStepMs);
    return [
      {
        what: 'kills survived / tried',
        bar: `all of ${wantedKills} or more`,
        seen: `${isFlawless ? tried : `not all of ${tried}: ${flawed[0].flaw}`} / ${tried} in ${results.length} runs (${byManner.join(', ')})`,
        isMet: isFlawless && tried >= wantedKills,
      },
      {
        what: 'runs that ended with all their turns and training steps, every epoch told once',
        bar: 'all',
        seen: `${results.length - flawed.length} of ${results.length}`,
        isMet: isFlawless,
      },
      {
        what: 'runs that were reproduced bit for bit',
        bar: 'all',
        seen: `${results.filter((result) => result.isReproduced).length} of ${results.length}`,
        isMet: results.every((result) => result.isReproduced),
      },
      {
        what: 'threads and open files left',
        bar: 'none',
        seen: `${sum(results.map((result) => result.threadsLeft))} and ${sum(results.map((result) => result.filesLeft))}`,
        isMet: results.every((result) => result.threadsLeft + result.filesLeft === 0),
      },
      ...(['dqn', 'ppo'] as const).map((name) => ({
        what: `training steps lost per death of a learner, ${name}`,
        bar: `≤ ${stepsPerCommit[name]}, its steps between two commits`,
        seen: spreadText(lostOf(name), 'steps'),
        isMet: Math.max(0, ...lostOf(name)) <= stepsPerCommit[name],
      })),
      {
        what: 'turns played again per death of an actor (epochs have 100)',
        seen: spreadText(
          results.flatMap((result) => result.turnsLost),
          'turns',
        ),
      },
      {
        what: "from a learner's death (by terminate, exit, throw) to the next training step of its successor",
        bar: 'median ≤ 300 ms',
        seen: spreadText(latencies, 'ms'),
        isMet: latencies.toSorted((left, right) => left - right)[latencies.length >> 1] <= 300,
      },
    ];
  },
};
