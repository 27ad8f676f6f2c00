// The small classic games alone, two agents each that observe and act at random; carts fall and are replaced meanwhile.
import { findGame } from '#marlin/games/games.js';
import { RandomStream } from '#marlin/random.js';
import { printBytesPerCall } from './measure.js';

const name = process.argv[2] ?? '';
const game = await findGame(name).create({ agents: 2 });
const random = RandomStream.named({ seed: 1, role: 'test' });
const { observation, action } = game.agents[0];
if (action.kind !== 'discrete') throw new Error('Only discrete actions are drawn here.');
const { count } = action;
const view = observation.dtype === 'u8' ? new Uint8Array(observation.size) : new Float32Array(observation.size);
game.reset(random);

printBytesPerCall({
  [name]: () => {
    game.beginTurn();
    for (let agent = 0; agent < game.agents.length; agent++) {
      game.observe(agent, view);
      game.act(agent, random.integer(count));
    }
    game.endTurn();
  },
});
