import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { curveSvg } from './curve-svg.js';
import type { TaskReport } from './report.js';
import { resultsPage } from './report.js';
import type { SeedResult, Task } from './task.js';
import { scoreOf } from './task.js';
import { tasks } from './tasks.js';

const docs = new URL('../../docs/', import.meta.url);
const folder = new URL('results/', docs);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !tasks.some((task) => task.name === name));
if (unknown.length > 0) {
  const known = tasks.map((task) => task.name).join(', ');
  process.stderr.write(`no task ${unknown.join(', ')}; there are ${known}\n`);
  process.exit(2);
}

const pool = new Piscina({
  filename: fileURLToPath(new URL('run-seed.js', import.meta.url)),
  maxThreads: availableParallelism(),
});
await mkdir(folder, { recursive: true });
for (const task of tasks.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  await reproduce(task);
  // After each: a call that is broken off keeps what it has.
  await writeFile(new URL('results.md', docs), resultsPage(await readReports()));
}
await pool.close();

async function reproduce(task: Task): Promise<void> {
  process.stdout.write(`${task.name}: ${task.seeds.length} seeds\n`);
  const runs = task.seeds.map(async (seed) => {
    const result = (await pool.run({ task: task.name, seed })) as SeedResult;
    process.stdout.write(`  seed ${seed}: ${scoreOf(result).toFixed(1)} in ${result.seconds.toFixed(1)} s\n`);
    return result;
  });
  const report: TaskReport = {
    machine: `Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? process.arch}`,
    date: new Date().toISOString().slice(0, 10),
    results: await Promise.all(runs),
  };
  await writeFile(new URL(`${task.name}.json`, folder), `${JSON.stringify(report)}\n`);
  await writeFile(new URL(`${task.name}.svg`, folder), curveSvg(task.title, report.results));
}

/** Reports of all tasks, of this call or an earlier one, in the order of the table. */
async function readReports(): Promise<[Task, TaskReport][]> {
  const reports: [Task, TaskReport][] = [];
  for (const task of tasks) {
    const file = new URL(`${task.name}.json`, folder);
    if (existsSync(file)) reports.push([task, JSON.parse(await readFile(file, 'utf8')) as TaskReport]);
  }
  return reports;
}
