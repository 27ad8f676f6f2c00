import { soloGame } from '../solo-game.js';
import { TwoLinks } from './two-links.js';

/** Acrobot-v1 (the rules: README.md beside this file). */
export const environment = soloGame({
  name: 'acrobot',
  summary: 'Each agent swings two links of its own up by a torque at the joint between them.',
  space: {
    observation: { size: 6, dtype: 'f32' },
    action: { kind: 'discrete', count: 3, names: ['torque −1', 'torque 0', 'torque +1'] },
  },
  createTask: () => new TwoLinks(),
});
