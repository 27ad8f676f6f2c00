// IQN alone, with noise and a target that moves and is copied.
import * as v from 'valibot';
import { iqn } from '#marlin/algorithms/iqn.js';
import { printBytesPerLearnerCall } from './learner-calls.js';

const targetUpdate = { kind: 'soft', copyEvery: 100 };
const sizes = { frameStack: 1, hiddenSizes: [8, 8], quantiles: 3, cosines: 4 };
await printBytesPerLearnerCall(iqn, { '': v.parse(iqn.schema, { ...sizes, targetUpdate }) });
