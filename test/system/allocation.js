// Run by allocation.test.ts with --expose-gc: prints the bytes that one warm call leaves on the heap.
//
// usage: allocation.js <turn | train | litter>
import { resolveConfiguration } from '#marlin/system/configuration.js';
import { createEnvironment, planEnvironment } from '#marlin/system/environments.js';
import { planRun } from '#marlin/system/run-plan.js';
import { allocateRun, buildActor, buildLearner } from '#marlin/system/wiring.js';

const warmCalls = 30_000;
const measuredCalls = 5_000;

// One epoch outlasts the measurement: an epoch's begin and end may leave something, a turn may not.
const configuration = resolveConfiguration({
  environment: 'treasurehunt',
  agents: { algorithm: { name: 'dqn', hiddenSizes: [8], frameStack: 1, epsilon: { start: 0.5, end: 0.5 } } },
  experiment: { maxTurns: 10_000_000, maxSeconds: 1_000_000 },
  parallel: { batchSize: 8, publishInterval: 10_000_000, bufferCapacity: 1_000 },
});
const environmentPlan = await planEnvironment('treasurehunt', {}, { agentCount: undefined, maxTurns: 10_000_000 });
const environment = await createEnvironment(environmentPlan);
const share = allocateRun(planRun(configuration, environmentPlan, environment.agents));
const { actor, links } = buildActor(share, 0, environment, () => {});
const learner = buildLearner(share, 0);
for (let turn = 0; turn < 100; turn++) actor.playTurn();

let litter = [0];
/** @type {Record<string, () => void>} */
const calls = {
  turn: () => {
    actor.playTurn();
    for (let policy = 0; policy < links.length; policy++) links[policy].isBehind(actor.turns, Infinity);
  },
  train: () => {
    learner.trainStep();
  },
  // One small array a call: what the others must not do, and what this measurement must be able to see.
  litter: () => {
    litter = [litter.length];
  },
};

const call = calls[process.argv[2] ?? ''];
const collect = globalThis.gc;
if (call === undefined || collect === undefined) throw new Error('usage: node --expose-gc allocation.js <call>');

function bytesOfCalls() {
  collect?.();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < measuredCalls; index++) call?.();
  return process.memoryUsage().heapUsed - before;
}

for (let index = 0; index < warmCalls; index++) call();
// The engine may still recompile something in one of the rounds: the least of five is what the calls leave.
const rounds = Array.from({ length: 5 }, bytesOfCalls);
console.log(Math.min(...rounds) / measuredCalls);
