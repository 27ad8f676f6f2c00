// DQN alone.
import * as v from 'valibot';
import { dqn } from '#marlin/algorithms/dqn.js';
import { printBytesPerLearnerCall } from './learner-calls.js';

/** @param {object} options */
const configured = (options) => v.parse(dqn.schema, { frameStack: 1, hiddenSizes: [8, 8], ...options });

await printBytesPerLearnerCall(dqn, {
  '': configured({}),
  'c51-': configured({ distribution: { kind: 'categorical' } }),
  'noisy-': configured({ noise: { kind: 'factorised' } }),
});
