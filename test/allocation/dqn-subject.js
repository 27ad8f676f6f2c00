// DQN alone.
import * as v from 'valibot';
import { dqn } from '#marlin/algorithms/dqn.js';
import { printBytesPerLearnerCall } from './learner-calls.js';

await printBytesPerLearnerCall(dqn, v.parse(dqn.schema, { frameStack: 1, hiddenSizes: [8, 8] }));
