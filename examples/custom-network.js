// Learning with a network in TensorFlow.js: node examples/custom-network.js
// It needs npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-wasm.
import { fileURLToPath } from 'node:url';
import { MarlSystem } from 'marlin-rl';

const system = new MarlSystem({
  environment: 'treasurehunt',
  agents: {
    algorithm: {
      name: 'dqn',
      network: { module: fileURLToPath(new URL('convolution.js', import.meta.url)), options: { filters: 16 } },
      frameStack: 1,
      epsilon: { duration: 40 },
    },
  },
  experiment: { epochs: 60, seed: 1 },
  parallel: { trainInterval: 8, batchSize: 32 },
});

for await (const record of system.records()) {
  if (record.kind !== 'iteration') continue;
  console.log(`epoch ${record.episodes_total}: mean reward ${record.episode_reward_mean.toFixed(1)}`);
}
const { agents, trainStepsPerSecond } = await system.run();
console.log(`${trainStepsPerSecond.toFixed(0)} training steps/s by ${agents[0]?.networkEngine}`);
