import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MarlSystem } from 'marlin-rl';
import type { TrainingRecord } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trial } from './trial-run.js';

let scratch: string;
let runs = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-interrupted-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

function newDirectory(): string {
  return join(scratch, String(runs++));
}

/** Calls `react` for every record of a run. */
function reacting(system: MarlSystem, react: (record: TrainingRecord) => void): MarlSystem {
  return system.addSink({ write: react, close: async () => {} });
}

describe('while learners are brought to a stand for a checkpoint', () => {
  it.each(['stop', 'resume'] as const)(
    '%s() is heard, and nobody waits for ever',
    async (asked) => {
      // Its learner is in the middle of a long training step when it is asked to stand still.
      const configuration = trial(
        { agents: 1 },
        {
          agents: { algorithm: { name: 'dqn', hiddenSizes: [1024, 1024] } },
          experiment: { epochs: 12, checkpointEvery: 10 },
          parallel: { batchSize: 64, learningStarts: 180, maxTrainingLag: Infinity },
          output: { directory: newDirectory() },
        },
      );
      const system = reacting(new MarlSystem(configuration), (record) => {
        if (record.kind === 'episode' && record.episode === 10) setTimeout(() => void system[asked](), 3);
      });
      const summary = await system.run();
      expect(summary.reason).toBe(asked === 'stop' ? 'stopped' : 'finished');
      expect(summary.epochs).toBeLessThanOrEqual(12);
    },
    20_000,
  );
});
