import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSummary, TrainingRecord } from 'marlin-rl';

/** Lines of metrics.jsonl, each of which must be whole. */
export async function recordsOf(directory: string): Promise<TrainingRecord[]> {
  const lines = (await readFile(join(directory, 'metrics.jsonl'), 'utf8')).split('\n');
  if (lines.pop() !== '') throw new Error(`metrics.jsonl in ${directory} ends in half a line`);
  return lines.map((line) => JSON.parse(line) as TrainingRecord);
}

/** What is wrong with a run that has ended: undefined where it has done all that it was to do, and told it once. */
export function flawOf(summary: RunSummary, records: readonly TrainingRecord[], epochs: number): string | undefined {
  if (summary.epochs !== epochs) return `${summary.epochs} epochs, not ${epochs}`;
  const unpaid = summary.agents.find((agent) => agent.trainSteps !== agent.owedTrainSteps);
  if (unpaid !== undefined) return `${unpaid.id} did ${unpaid.trainSteps} training steps of ${unpaid.owedTrainSteps}`;
  const told = records.filter((record) => record.kind === 'episode').map((record) => record.episode);
  const isWhole = told.length === epochs && told.every((episode, index) => episode === index + 1);
  if (!isWhole) return `the epochs told are ${told.length}, or not in order`;
  return undefined;
}
