import { dqn } from '#marlin/algorithms/dqn.js';
import { mortal } from './mortal.js';

export const algorithm = mortal(dqn);
