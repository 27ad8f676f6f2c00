import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EpisodeRecord } from 'marlin-rl';
import type { Bench } from './bench.js';
import { spreadOf } from './bench.js';

const starts = 15;

/** One start of the command, for an epoch of one turn: seconds from starting the process. */
interface Start {
  readonly toFirstTurn: number;
  readonly toEnd: number;
}

function start(folder: string): Start {
  const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const flags = ['--epochs', '1', '--max-turns', '1', '--run-dir', folder];
  const beganMs = Date.now();
  const began = performance.now();
  const child = spawnSync(process.execPath, [command, 'train', 'treasurehunt', ...flags]);
  const toEnd = (performance.now() - began) / 1000;
  if (child.status !== 0) throw new Error(`marlin train failed: ${child.stderr.toString()}`);
  // The actor stamps an epoch as it ends: this one with its first turn.
  const [line] = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').split('\n');
  const { timestamp } = JSON.parse(line) as EpisodeRecord;
  return { toFirstTurn: (Date.parse(timestamp) - beganMs) / 1000, toEnd };
}

/** A process of Node.js that does nothing. */
function startNode(): number {
  const began = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return (performance.now() - began) / 1000;
}

/** How long the command takes to its first turn. */
export const bench: Bench = {
  name: 'startup',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'marlin-bench-'));
    try {
      const taken = Array.from({ length: starts }, (_, index) => ({
        ...start(join(folder, String(index))),
        node: startNode(),
      }));
      const spread = (of: keyof (typeof taken)[number]) => spreadOf(taken.map((times) => times[of]));
      return [
        { what: 'marlin train, start to the first turn', ...spread('toFirstTurn'), unit: 's', bound: '≤ 0.5' },
        { what: '  to the end of a run of one turn', ...spread('toEnd'), unit: 's' },
        { what: '  a Node.js process that does nothing', ...spread('node'), unit: 's' },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
