// Turns and training steps of a run, with all that the run puts around them.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { resolveConfiguration } from '#marlin/system/configuration.js';
import { createEnvironment, planEnvironment } from '#marlin/system/environments.js';
import { planRun } from '#marlin/system/run-plan.js';
import { buildActor } from '#marlin/system/actor-wiring.js';
import { buildLearner } from '#marlin/system/learner-wiring.js';
import { openRun } from '#marlin/system/open-run.js';
import { allocateRun } from '#marlin/system/run-allocation.js';
import { printBytesPerCall } from './measure.js';

// One epoch outlasts the measurement: an epoch's begin and end may leave something, a turn may not.
const configuration = resolveConfiguration({
  environment: 'treasurehunt',
  agents: { algorithm: { name: 'dqn', hiddenSizes: [8], frameStack: 1, epsilon: { start: 0.5, end: 0.5 } } },
  experiment: { maxTurns: 10_000_000 },
  parallel: { batchSize: 8, publishInterval: 10_000_000, bufferCapacity: 1_000 },
});
const environmentPlan = await planEnvironment('treasurehunt', {}, { agentCount: undefined, maxTurns: 10_000_000 });
const environment = await createEnvironment(environmentPlan);
const plan = await planRun(configuration, environmentPlan, environment.agents);
const run = await openRun(await allocateRun(plan));
const { actor, links } = await buildActor(run, 0, environment, () => {});
const learner = await buildLearner(run, 0);
for (let turn = 0; turn < 100; turn++) actor.playTurn();

const listen = () => {};

printBytesPerCall({
  turn: () => {
    actor.playTurn();
    for (let policy = 0; policy < links.length; policy++) links[policy].isBehind(actor.turns);
  },
  train: () => {
    learner.trainStep();
  },
  // A turn that somebody listens to, whose message this measurement must be able to see.
  'observed-turn': () => {
    subscribe('marlin:turn', listen);
    actor.playTurn();
    unsubscribe('marlin:turn', listen);
  },
});
