import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { costs } from './costs.js';
import { fullDisk } from './full-disk.js';
import { kills } from './kills.js';
import { memory } from './memory.js';
import { processKills } from './process-kills.js';
import { reliabilityPage } from './report.js';
import type { TaskReport } from './report.js';
import { stop } from './stop.js';
import type { SoakTask } from './task.js';
import { twoRuns } from './two-runs.js';

/** The long reliability tests; see docs/reliability.md, which this writes. */
const tasks: readonly SoakTask[] = [
  kills,
  processKills,
  fullDisk,
  twoRuns,
  memory,
  stop,
  costs,
] as unknown as readonly SoakTask[];

const docs = new URL('../../docs/', import.meta.url);
const folder = new URL('reliability/', docs);
/** Results of the rounds of a task that was broken off. */
const underWay = new URL('../../runs/soak/', import.meta.url);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !tasks.some((task) => task.name === name));
if (unknown.length > 0) {
  process.stderr.write(`no task ${unknown.join(', ')}; there are ${tasks.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}
await mkdir(folder, { recursive: true });
await mkdir(underWay, { recursive: true });
let isMet = true;
for (const task of tasks.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  await soak(task);
  await writeFile(new URL('reliability.md', docs), reliabilityPage(await readReports()));
}
process.exitCode = isMet ? 0 : 1;

async function soak(task: SoakTask): Promise<void> {
  const file = new URL(`${task.name}.json`, underWay);
  const results: unknown[] = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as unknown[]) : [];
  process.stdout.write(
    `${task.name}: ${task.rounds} rounds${results.length > 0 ? `, ${results.length} of them done` : ''}\n`,
  );
  const began = performance.now();
  while (results.length < task.rounds) {
    const scratch = await mkdtemp(join(tmpdir(), 'marlin-soak-'));
    try {
      results.push(await task.round(results.length, scratch));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    await writeFile(file, JSON.stringify(results));
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    process.stdout.write(
      `  round ${results.length} of ${task.rounds}, ${seconds} s: ${JSON.stringify(results.at(-1)).slice(0, 160)}\n`,
    );
  }
  const report: TaskReport = {
    title: task.title,
    machine: `Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? process.arch}`,
    date: new Date().toISOString().slice(0, 10),
    load: loadavg()[0],
    findings: task.findings(results),
  };
  for (const { what, seen, bar, isMet: isOwnMet } of report.findings) {
    isMet &&= isOwnMet !== false;
    process.stdout.write(
      `  ${isOwnMet === false ? 'NOT MET ' : ''}${what}: ${seen}${bar === undefined ? '' : ` (${bar})`}\n`,
    );
  }
  await writeFile(new URL(`${task.name}.json`, folder), `${JSON.stringify(report, undefined, 1)}\n`);
  await rm(file);
}

/** Reports of all tasks, of this call or an earlier one, in their order. */
async function readReports(): Promise<[string, TaskReport][]> {
  const reports: [string, TaskReport][] = [];
  for (const { name } of tasks) {
    const file = new URL(`${name}.json`, folder);
    if (existsSync(file)) reports.push([name, JSON.parse(await readFile(file, 'utf8')) as TaskReport]);
  }
  return reports;
}
