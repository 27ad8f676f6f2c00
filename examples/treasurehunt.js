// Trains treasurehunt for 200 epochs on threads and prints how the reward rises: node examples/treasurehunt.js
import { MarlSystem } from 'marlin-rl';

const system = new MarlSystem({
  environment: 'treasurehunt',
  environmentOptions: { height: 21, width: 21, spawnProbability: 0.005 },
  agents: { count: 2, algorithm: { name: 'dqn', hiddenSizes: [64, 64], frameStack: 5 } },
  experiment: { epochs: 200, maxTurns: 100, seed: 7, logInterval: 20 },
  parallel: { execution: 'async', trainInterval: 4, learningStarts: 1_000, publishInterval: 10 },
});

for await (const record of system.records()) {
  if (record.kind !== 'iteration') continue;
  console.log(`epoch ${record.episodes_total}: mean reward ${record.episode_reward_mean.toFixed(1)}`);
}
const summary = await system.run();
console.log(`${Math.round(summary.agentStepsPerSecond)} agent steps/s, ${summary.trainSteps} training steps`);
