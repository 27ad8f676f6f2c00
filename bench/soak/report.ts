import type { Finding } from './task.js';

/** What a task that was run to the end leaves behind: `docs/reliability/<task>.json`. */
export interface TaskReport {
  readonly title: string;
  readonly machine: string;
  readonly date: string;
  /** Load of the machine over the last minute, at the end; the task itself is part of it. */
  readonly load: number;
  readonly findings: readonly Finding[];
}

/** docs/reliability.md. */
export function reliabilityPage(reports: readonly (readonly [name: string, report: TaskReport])[]): string {
  return `# Reliability

The long tests, written by \`npm run soak\` (all) or \`npm run soak -- <task> …\`; nothing here is written by hand. A soak that is broken off goes on with the round it was in. Short forms of each run with the other tests.
What is promised: [faults](faults.md), [checkpoints](checkpoints.md), [reproduction](reproduction.md). Times are median (smallest … largest).

${reports.map(([name, report]) => sectionOf(name, report)).join('\n')}`;
}

function sectionOf(name: string, { title, machine, date, load, findings }: TaskReport): string {
  return `## ${title}
\`npm run soak -- ${name}\`. ${date}, ${machine}, load ${load.toFixed(1)}.

| what | is to be | seen | met |
| --- | --- | --- | --- |
${findings.map(rowOf).join('\n')}
`;
}

function rowOf({ what, bar, seen, isMet }: Finding): string {
  const met = isMet === undefined ? '–' : isMet ? 'yes' : '**no**';
  return `| ${what} | ${bar ?? '–'} | ${seen} | ${met} |`;
}
