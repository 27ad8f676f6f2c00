// The same experiment one way and the other: node examples/compare.js
import { Experiment } from 'marlin-rl';

const experiment = new Experiment({
  environment: 'treasurehunt',
  experiment: { epochs: 150, seed: 1 },
});

const sequential = await experiment.runExperiment();
const parallel = await experiment.runExperimentMp();
for (const [name, summary] of Object.entries({ sequential, parallel })) {
  console.log(
    `${name}: ${summary.seconds.toFixed(2)} s, ${summary.trainSteps} training steps, ` +
      `mean reward of the last 100 epochs ${summary.rewardMeanLast100.toFixed(1)}`,
  );
}
console.log(`${(sequential.seconds / parallel.seconds).toFixed(2)} times as fast`);
