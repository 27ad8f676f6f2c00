import type { TurnEnvironment } from '#marlin/environment/environment.js';
import { environment } from '#marlin/games/treasurehunt/treasurehunt.js';
import { RandomStream } from '#marlin/random.js';

/** As in bench.ts. */
interface BenchResult {
  readonly what: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly unit: string;
  readonly bound?: string;
}

const rounds = 9;
const epochsOfRound = 2000;
const fewestTurnsPerSecond = 300_000;

export const name = 'game';

/** How many turns of treasurehunt a thread plays when the policy costs nothing: 2 agents, random actions. */
export async function run(): Promise<BenchResult[]> {
  const { options, maxTurns } = environment.resolve({}, { agentCount: undefined, maxTurns: undefined });
  const game = await environment.create(options);
  play(game, maxTurns, 0);
  const rates = Array.from({ length: rounds }, (_, round) => play(game, maxTurns, round)).toSorted((a, b) => a - b);
  return [
    {
      what: 'treasurehunt 21×21, 2 agents observe and act at random',
      median: rates[Math.floor(rounds / 2)],
      low: rates[0],
      high: rates[rounds - 1],
      unit: 'turns/s',
      bound: `at least ${fewestTurnsPerSecond}`,
    },
  ];
}

/** Plays a round of epochs; returns turns per second. */
function play(game: TurnEnvironment, maxTurns: number, round: number): number {
  const view = new Uint8Array(game.agents[0].observation.size);
  const begin = performance.now();
  for (let epoch = 0; epoch < epochsOfRound; epoch++) {
    const actions = RandomStream.named({ seed: round, role: 'exploration', epoch });
    game.reset(RandomStream.named({ seed: round, role: 'environment', epoch }));
    for (let turn = 0; turn < maxTurns; turn++) {
      game.beginTurn();
      for (let agent = 0; agent < game.agents.length; agent++) {
        game.observe(agent, view);
        game.act(agent, actions.integer(4));
      }
      game.endTurn();
    }
  }
  return (epochsOfRound * maxTurns) / ((performance.now() - begin) / 1000);
}
