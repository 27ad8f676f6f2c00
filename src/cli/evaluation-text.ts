import type { EpisodeStatistics, EvaluationSummary } from '../system/evaluation.js';

/** The result of an evaluation for a person. */
export function evaluationText(run: string, summary: EvaluationSummary): string {
  const { episodes, greedy, seeds, agents } = summary;
  const random = agents.some(({ epsilon }) => epsilon > 0)
    ? `, random actions ${[...new Set(agents.map(({ epsilon }) => percent(epsilon)))].join(', ')}`
    : '';
  const how = greedy ? 'the best action always' : `as at the end of the run${random}`;
  const lines = [
    `Evaluated ${run}: ${whole(episodes)} episodes, ${how}, seed ${seeds.join(', ')}.`,
    `Reward ${rewards(summary)}, ${summary.lengthMean.toFixed(1)} turns to an episode.`,
  ];
  for (const agent of agents) {
    const own = agent.episodes === episodes ? '' : ` over ${whole(agent.episodes)} episodes of its own`;
    const origin = `${whole(agent.trainSteps)} training steps, weights version ${whole(agent.weightsVersion)}`;
    lines.push(`  ${agent.id}: ${rewards(agent)}${own}, ${agent.lengthMean.toFixed(1)} turns; ${origin}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Mean ± standard deviation (least … most). */
function rewards({ rewardMean, rewardStandardDeviation, rewardMin, rewardMax }: EpisodeStatistics): string {
  const [mean, deviation, least, most] = [rewardMean, rewardStandardDeviation, rewardMin, rewardMax].map(number);
  return `${mean} ± ${deviation} (${least} … ${most})`;
}

function number(value: number): string {
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
