// Trains agents by an algorithm of one's own (examples/linear-q.js): node examples/own-algorithm.js
import { MarlSystem } from 'marlin-rl';

const system = new MarlSystem({
  environment: { module: new URL('./corridor.js', import.meta.url) },
  agents: { algorithm: { module: new URL('./linear-q.js', import.meta.url), discount: 0.95 } },
  experiment: { epochs: 300, maxTurns: 50, seed: 3 },
  parallel: { learningStarts: 200, trainInterval: 1 },
});
const summary = await system.run();
console.log(
  `Mean reward of all epochs ${summary.rewardMean.toFixed(2)}, of the last 100 ${summary.rewardMeanLast100.toFixed(2)}`,
);
