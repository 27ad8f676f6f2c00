import type { TurnEnvironment } from '#marlin/environment/environment.js';
import { environment } from '#marlin/games/treasurehunt/treasurehunt.js';
import { RandomStream } from '#marlin/random.js';
import { type Bench, interleave, secondsOf, spreadOf } from './bench.js';

const epochsOfRound = 2000;

/** How many turns of treasurehunt a thread plays when the policy costs nothing: 2 agents, random actions. */
export const bench: Bench = {
  name: 'game',
  async run() {
    const { options, maxTurns } = environment.resolve({}, { agentCount: undefined, maxTurns: undefined });
    const game = await environment.create(options);
    const [rates] = await interleave([() => (epochsOfRound * maxTurns) / secondsOf(() => playEpochs(game, maxTurns))]);
    return [
      {
        what: 'treasurehunt 21×21, 2 agents observe and act at random',
        ...spreadOf(rates),
        unit: 'turns/s',
        bound: '≥ 300 000',
      },
    ];
  },
};

function playEpochs(game: TurnEnvironment, maxTurns: number): void {
  const view = new Uint8Array(game.agents[0].observation.size);
  for (let epoch = 0; epoch < epochsOfRound; epoch++) {
    const actions = RandomStream.named({ seed: 1, role: 'exploration', epoch });
    game.reset(RandomStream.named({ seed: 1, role: 'environment', epoch }));
    for (let turn = 0; turn < maxTurns; turn++) {
      game.beginTurn();
      for (let agent = 0; agent < game.agents.length; agent++) {
        game.observe(agent, view);
        game.act(agent, actions.integer(4));
      }
      game.endTurn();
    }
  }
}
