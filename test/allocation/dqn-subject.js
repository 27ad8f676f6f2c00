// DQN alone.
import { dqn } from '#marlin/algorithms/dqn.js';
import { printBytesPerLearnerCall } from './learner-calls.js';

printBytesPerLearnerCall(dqn, dqn.schema.parse({ frameStack: 1, hiddenSizes: [8, 8] }));
