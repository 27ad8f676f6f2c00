import { ppo } from '#marlin/algorithms/ppo.js';
import { attended } from './attended.js';
import { mortality } from './mortal.js';

export const algorithm = attended(ppo, { name: 'mortal-ppo', ...mortality });
