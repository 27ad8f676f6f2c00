// Trains agents in an environment of one's own (examples/corridor.js): node examples/own-environment.js
import { MarlSystem } from 'marlin-rl';

const system = new MarlSystem({
  environment: { module: new URL('./corridor.js', import.meta.url) },
  agents: [
    { id: 'near', algorithm: { name: 'dqn', hiddenSizes: [32], frameStack: 1, discount: 0.95 } },
    { id: 'far', algorithm: { name: 'dqn', hiddenSizes: [32], frameStack: 1, discount: 0.95 } },
  ],
  experiment: { epochs: 500, maxTurns: 50, seed: 3 },
  parallel: { learningStarts: 200, trainInterval: 2 },
});
const summary = await system.run();
console.log(
  `Mean reward of all epochs ${summary.rewardMean.toFixed(2)}, of the last 100 ${summary.rewardMeanLast100.toFixed(2)}`,
);
