import { soloGame } from '../solo-game.js';
import { CartPole } from './cart-pole.js';

/** CartPole-v1 (the rules: README.md beside this file). */
export const environment = soloGame({
  name: 'cartpole',
  summary: 'Each agent keeps a pole upright on a cart of its own.',
  space: {
    observation: { size: 4, dtype: 'f32' },
    action: { kind: 'discrete', count: 2, names: ['left', 'right'] },
  },
  createTask: () => new CartPole(),
});
