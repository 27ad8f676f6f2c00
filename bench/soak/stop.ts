import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { MarlConfiguration } from 'marlin-rl';
import { MarlSystem } from 'marlin-rl';
import { spreadText } from './figures.js';
import type { SoakTask } from './task.js';

const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface StopResult {
  /** From stop() to the end of run(), of a light and of a training-heavy run. */
  readonly lightMs: number;
  readonly heavyMs: number;
  /** From SIGINT to the end of the process. */
  readonly processMs: number;
}

async function timeToEnd(configuration: MarlConfiguration): Promise<number> {
  const system = new MarlSystem(configuration);
  const run = system.run();
  await delay(1_500 + Math.random() * 500);
  const asked = performance.now();
  await Promise.all([system.stop(), run]);
  return performance.now() - asked;
}

async function timeToExit(directory: string): Promise<number> {
  const flags = ['train', 'treasurehunt', '--max-seconds', '60', '--quiet', '--run-dir', directory];
  const child = spawn(process.execPath, [command, ...flags], { stdio: 'ignore' });
  await delay(2_000 + Math.random() * 500);
  const asked = performance.now();
  child.kill('SIGINT');
  await once(child, 'exit');
  return performance.now() - asked;
}

export const stop: SoakTask<StopResult> = {
  name: 'stop',
  title: 'Ending a run',
  rounds: 9,
  async round(index, scratch) {
    const of = (kind: string): string => join(scratch, `${kind}-${index}`);
    const experiment = { epochs: Infinity, seed: index } as const;
    return {
      lightMs: await timeToEnd({ environment: 'treasurehunt', experiment, output: { directory: of('light') } }),
      heavyMs: await timeToEnd({
        environment: 'treasurehunt',
        agents: { algorithm: { name: 'iqn', hiddenSizes: [250, 250] } },
        experiment,
        parallel: { trainInterval: 1, learningStarts: 100 },
        output: { directory: of('heavy') },
      }),
      processMs: await timeToExit(of('process')),
    };
  },
  findings: (results) =>
    (
      [
        ['lightMs', 'from stop() to the end of run(): treasurehunt, DQN'],
        ['heavyMs', 'the same with much training owed: IQN 250 wide, a training step for each turn'],
        ['processMs', 'from SIGINT to the end of the process: treasurehunt, DQN'],
      ] as const
    ).map(([key, what]) => {
      const times = results.map((result) => result[key]);
      return { what, bar: '≤ 1 s', seen: spreadText(times, 'ms'), isMet: Math.max(...times) <= 1_000 };
    }),
};
