import { createHash } from 'node:crypto';
import { MarlSystem } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { runAndRecord, smallDqn, trial } from './trial-run.js';

describe.each(['sequential', 'async'] as const)('%s: a random agent', (execution) => {
  it('plays beside one that learns, and owes nothing', async () => {
    const agents = [{ algorithm: { name: 'random' } }, { algorithm: smallDqn }];
    const configuration = trial({ masks: true }, { agents, parallel: { execution, trainInterval: 1 } });
    const { summary, records } = await runAndRecord(configuration);
    const [idle, learning] = summary.agents;
    expect(idle).toMatchObject({ trainSteps: 0, owedTrainSteps: 0, weightsVersion: 0, weightsLagMax: 0 });
    expect(idle.weightsHash).toBe(createHash('sha256').digest('hex'));
    expect(learning).toMatchObject({ trainSteps: 160, owedTrainSteps: 160 });
    expect(records.at(-1)).toMatchObject({ kind: 'done', train_steps_total: 160 });
  });

  it.each(['double-buffer', 'snapshot'] as const)('plays alone, with weights that are nothing (%s)', async (mode) => {
    const configuration = trial({}, { agents: { algorithm: { name: 'random' } }, parallel: { execution, mode } });
    const summary = await new MarlSystem(configuration).run();
    expect(summary).toMatchObject({ reason: 'finished', turns: 200, trainSteps: 0 });
  });
});

it('random agents score in treasurehunt what two random walkers gather', async () => {
  const epochs = 4_000;
  const summary = await new MarlSystem({
    environment: 'treasurehunt',
    agents: { algorithm: { name: 'random' } },
    experiment: { epochs, seed: 3 },
    parallel: { execution: 'sequential' },
  }).run();
  expect(summary.turns).toBe(100 * epochs);
  // 21.7 exactly (see the game's own statistics), with a deviation of 39 an epoch: four standard errors.
  expect(Math.abs(summary.rewardMean - 21.7)).toBeLessThan((4 * 39) / Math.sqrt(epochs));
});
