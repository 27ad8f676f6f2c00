import { rewardWindowEpochs } from '../actor/reward-window.js';
import type { RunSummary } from '../system/summary.js';

/** The summary as one line of JSON; numbers that do not exist (no whole epoch) become null. */
export function summaryLine(summary: RunSummary): string {
  return JSON.stringify(summary);
}

/**
 * The summary for a person.
 * @param baseline mean reward of random actions, where it is known
 */
export function summaryText(summary: RunSummary, baseline: number | undefined): string {
  const lines = [
    `${summary.reason === 'stopped' ? 'Stopped after' : 'Trained'} ${whole(summary.epochs)} epochs, ` +
      `${whole(summary.turns)} turns, ${whole(summary.trainSteps)} training steps in ${summary.seconds.toFixed(1)} s ` +
      `(${whole(summary.agentStepsPerSecond)} agent steps/s, ${whole(summary.trainStepsPerSecond)} training steps/s).`,
  ];
  if (summary.epochs > 0) {
    const count = Math.min(rewardWindowEpochs, summary.epochs);
    const reward = `Mean reward of the last ${count} epochs: ${summary.rewardMeanLast100.toFixed(1)}`;
    lines.push(
      baseline === undefined
        ? `${reward}.`
        : `${reward}; random actions: ${baseline.toFixed(1)}${gain(summary.rewardMeanLast100, baseline)}.`,
    );
  }
  for (const agent of summary.agents) {
    const steps =
      agent.trainSteps === agent.owedTrainSteps
        ? `${whole(agent.trainSteps)} training steps, all that were owed`
        : `${whole(agent.trainSteps)} training steps of ${whole(agent.owedTrainSteps)} owed`;
    lines.push(
      `  ${agent.id}: ${steps}; weights version ${whole(agent.weightsVersion)}, ${agent.weightsHash.slice(0, 12)}…`,
    );
  }
  if (summary.directory !== undefined) lines.push(`The run lies in ${summary.directory}.`);
  return `${lines.join('\n')}\n`;
}

/** How many times the baseline a reward is, where that says anything. */
function gain(reward: number, baseline: number): string {
  return reward > baseline && baseline > 0 ? `, ${(reward / baseline).toFixed(1)} times that` : '';
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
