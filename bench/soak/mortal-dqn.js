import { dqn } from '#marlin/algorithms/dqn.js';
import { attended } from './attended.js';
import { mortality } from './mortal.js';

export const algorithm = attended(dqn, { name: 'mortal-dqn', ...mortality });
