// Treasurehunt alone: both agents observe and act at random.
import { environment } from '#marlin/games/treasurehunt/treasurehunt.js';
import { RandomStream } from '#marlin/random.js';
import { printBytesPerCall } from './measure.js';

const game = await environment.create({});
const random = RandomStream.named({ seed: 1, role: 'test' });
const view = new Uint8Array(game.agents[0].observation.size);
game.reset(random);

printBytesPerCall({
  turn: () => {
    game.beginTurn();
    for (let agent = 0; agent < game.agents.length; agent++) {
      game.observe(agent, view);
      game.act(agent, random.integer(4));
    }
    game.endTurn();
  },
});
