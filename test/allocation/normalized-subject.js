// DQN that sees observations and rewards normalised.
import * as v from 'valibot';
import { dqn } from '#marlin/algorithms/dqn.js';
import { normalized } from '#marlin/algorithms/normalized.js';
import { printBytesPerLearnerCall } from './learner-calls.js';

const algorithm = normalized(dqn, { observations: true, rewards: true });
const configuration = v.parse(dqn.schema, { frameStack: 2, hiddenSizes: [8, 8] });
await printBytesPerLearnerCall(algorithm, { '': configuration });
