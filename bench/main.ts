import { availableParallelism, cpus } from 'node:os';
import type { Bench, BenchResult } from './bench.js';

/** Loaded one at a time: each has its own needs, TensorFlow.js among them. */
const benches: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  kernels: async () => import('./kernels.js'),
  iqn: async () => import('./iqn.js'),
  buffers: async () => import('./buffers.js'),
  game: async () => import('./game.js'),
  learning: async () => import('./learning.js'),
  recording: async () => import('./recording.js'),
  startup: async () => import('./startup.js'),
  system: async () => import('./system.js'),
};

const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const isJson = process.argv.includes('--json');
const unknown = asked.filter((name) => !(name in benches));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`);
  process.exit(2);
}

const machine = `Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? process.arch}`;
if (!isJson) process.stdout.write(`${machine}\n`);
const report: Record<string, BenchResult[]> = {};
for (const name of asked.length > 0 ? asked : Object.keys(benches)) {
  const { bench } = await benches[name]();
  report[name] = await bench.run();
  if (!isJson) process.stdout.write(`\n${name}\n${report[name].map(lineOf).join('\n')}\n`);
}
if (isJson) process.stdout.write(`${JSON.stringify({ machine, results: report })}\n`);

function lineOf({ what, median, low, high, unit, bound }: BenchResult): string {
  const spread = `${numberOf(median)} ${unit}`.trimEnd().padStart(16);
  return `  ${what.padEnd(74)} ${spread}  (${numberOf(low)} … ${numberOf(high)})${bound === undefined ? '' : `  ${bound}`}`;
}

function numberOf(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 3;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
