import { ppo } from '#marlin/algorithms/ppo.js';
import { mortal } from './mortal.js';

export const algorithm = mortal(ppo);
