import type { TreasurehuntEnvironment } from '#marlin/games/treasurehunt/treasurehunt.js';
import { RandomStream } from '#marlin/random.js';

/** The window of view radius 2, and where its channels begin in the observation. */
const side = 5;
const centre = 12;
const channel = { wall: 25, gem: 50, bone: 75, food: 100, agent: 125 } as const;

const steps = [
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
] as const;

function isBlocked(view: Uint8Array, cell: number): boolean {
  return view[channel.wall + cell] + view[channel.bone + cell] + view[channel.agent + cell] > 0;
}

/** The cell of the window one step away, or undefined outside it. */
function neighbour(cell: number, direction: number): number | undefined {
  const y = Math.floor(cell / side) + steps[direction][0];
  const x = (cell % side) + steps[direction][1];
  return y >= 0 && y < side && x >= 0 && x < side ? y * side + x : undefined;
}

/** The first step of a shortest way to the gem or food of most value a step, or undefined where none is in reach. */
function towardsTreasure(view: Uint8Array): number | undefined {
  const reached = new Map([[centre, { distance: 0, first: -1 }]]);
  let best: number | undefined;
  let bestValue = 0;
  // A map gives also the entries added while it is gone through: a breadth-first search.
  for (const [cell, { distance, first }] of reached) {
    const value = (10 * view[channel.gem + cell] + 5 * view[channel.food + cell]) / distance;
    if (distance > 0 && value > bestValue) {
      bestValue = value;
      best = first;
    }
    for (let direction = 0; direction < steps.length; direction++) {
      const next = neighbour(cell, direction);
      if (next === undefined || reached.has(next) || isBlocked(view, next)) continue;
      reached.set(next, { distance: distance + 1, first: cell === centre ? direction : first });
    }
  }
  return best;
}

/** Straight on, or a random turn where something is in the way or a wall comes up. */
function wander(view: Uint8Array, heading: number, random: RandomStream): number {
  const isAtWall = (direction: number): boolean => {
    const near = centre + steps[direction][0] * side + steps[direction][1];
    const far = near + steps[direction][0] * side + steps[direction][1];
    return isBlocked(view, near) || view[channel.wall + far] > 0;
  };
  let direction = heading;
  for (let attempt = 0; attempt < 8 && isAtWall(direction); attempt++) direction = random.integer(steps.length);
  return direction;
}

/** Plays an epoch in which each agent is greedy; returns the sum of all rewards. For view radius 2. */
export function playGreedily(game: TreasurehuntEnvironment, seed: number, epoch: number, turns: number): number {
  const random = RandomStream.named({ seed, role: 'exploration', epoch });
  game.reset(RandomStream.named({ seed, role: 'environment', epoch }));
  const headings = game.agents.map(() => random.integer(steps.length));
  const view = new Uint8Array(150);
  let reward = 0;
  for (let turn = 0; turn < turns; turn++) {
    game.beginTurn();
    for (let agent = 0; agent < game.agents.length; agent++) {
      game.observe(agent, view);
      headings[agent] = towardsTreasure(view) ?? wander(view, headings[agent], random);
      game.act(agent, headings[agent]);
    }
    game.endTurn();
    for (const value of game.rewards) reward += value;
  }
  return reward;
}
