import { spreadOf } from '../bench.js';
import type { SeedResult, Task } from './task.js';
import { scoreOf } from './task.js';

/** What a run of one task leaves behind: `docs/results/<task>.json`. */
export interface TaskReport {
  readonly machine: string;
  readonly date: string;
  readonly results: readonly SeedResult[];
}

/** docs/results.md, from the reports of all tasks that have been run. */
export function resultsPage(reports: readonly (readonly [Task, TaskReport])[]): string {
  return `# Results

What Marlin's learners reach, written by \`npm run results\` (all tasks) or \`npm run results -- <task> …\`; nothing here is written by hand.
A row trains every seed to the end in \`sequential\` execution, two seeds at a time, and scores the final policy: no best-of selection.
*Training* scores are means over the last epochs, exploration included; *greedy* scores are means over episodes without exploration. Of several agents, the worst counts.

| task | bar | median | all seeds | met | wall time of a seed |
| --- | --- | --- | --- | --- | --- |
${reports.map(([task, report]) => rowOf(task, report)).join('\n')}

${reports.map(([task, report]) => sectionOf(task, report)).join('\n')}`;
}

function rowOf(task: Task, { results }: TaskReport): string {
  const isMet = task.isMet(results);
  const met = isMet === undefined ? '–' : isMet ? 'yes' : '**no**';
  const seconds = spreadOf(results.map((result) => result.seconds));
  const time = `${seconds.median.toFixed(1)} s (${seconds.low.toFixed(1)} … ${seconds.high.toFixed(1)})`;
  const median = spreadOf(results.map(scoreOf)).median.toFixed(1);
  const scores = results.map(scoresText).join(', ');
  return `| [\`${task.name}\`](#${task.name}) | ${task.bar} | ${median} | ${scores} | ${met} | ${time} |`;
}

function sectionOf(task: Task, { machine, date, results }: TaskReport): string {
  const passed = task.name.startsWith('treasurehunt')
    ? `\nThe trailing mean of 100 epochs passes 231 at epoch ${results.map(({ sourcePassedAt }) => sourcePassedAt ?? '–').join(', ')}.`
    : '';
  const score =
    task.score.kind === 'training'
      ? `training, last ${task.score.lastEpochs} epochs`
      : `greedy, ${task.score.episodes} episodes`;
  const steps = results.every(({ areStepsDone }) => areStepsDone)
    ? 'Training steps done equal those owed in every run.'
    : '**Training steps done differ from those owed.**';
  return `## ${task.name}
${task.title}: ${task.settings}.
Score: ${score}. Seeds ${results.map(({ seed }) => seed).join(', ')}: ${results.map(scoresText).join(', ')}.${passed}
${steps} ${date}, ${machine}.

![Learning curves of ${task.name}, one line per seed](results/${task.name}.svg)
`;
}

function scoresText({ scores }: SeedResult): string {
  return scores.map((score) => score.toFixed(1)).join(' · ');
}
