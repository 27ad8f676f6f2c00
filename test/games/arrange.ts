import { expect } from 'vitest';
import type { TreasurehuntEnvironment } from '#marlin/games/treasurehunt/treasurehunt.js';
import { testStream } from '../environment/streams.js';
import { makeTreasurehunt } from './play.js';

/** The letters of a picture, and the kinds they stand for; a digit is the agent of that number. */
const kindOfLetter: Readonly<Record<string, string>> = {
  '#': 'Wall',
  '.': 'EmptyEntity',
  G: 'Gem',
  F: 'Food',
  B: 'Bone',
};
const letterOfKind = Object.fromEntries(Object.entries(kindOfLetter).map(([letter, kind]) => [kind, letter]));

/** Layer 1 as lines of letters. */
export function picture(game: TreasurehuntEnvironment): string[] {
  const { world, bodies } = game;
  return Array.from({ length: world.height }, (_, y) =>
    Array.from({ length: world.width }, (__, x) => {
      const agent = bodies.findIndex((body) => body.y === y && body.x === x);
      const { kind } = world.entityAt(world.cellAt(y, x, 1));
      return kind === 'TreasurehuntAgent' ? String(agent) : letterOfKind[kind];
    }).join(''),
  );
}

/** A game in which nothing spawns, arranged as in the picture. */
export async function arrange(
  lines: readonly string[],
  options: Record<string, unknown> = {},
): Promise<TreasurehuntEnvironment> {
  const agents = lines.join('').replaceAll(/\D/g, '').length;
  const size = { height: lines.length, width: lines[0].length };
  const game = await makeTreasurehunt({ ...size, agents, spawnProbability: 0, ...options });
  const { world, bodies } = game;
  game.reset(testStream());
  const entitiesOfAgents = bodies.map((body) => world.entityAt(body.cell));
  for (const body of bodies) world.remove(body.cell);
  lines.forEach((line, y) =>
    [...line].forEach((letter, x) => {
      const cell = world.cellAt(y, x, 1);
      const entity = world.entities.findLast((candidate) => candidate.kind === kindOfLetter[letter]);
      if (entity !== undefined) world.add(cell, entity);
      if (!/\d/.test(letter)) return;
      world.add(cell, entitiesOfAgents[Number(letter)]);
      bodies[Number(letter)].place(cell);
    }),
  );
  expect(picture(game)).toEqual(lines);
  return game;
}

/** The window of one agent as lines of letters; `A` is any agent. */
export function view(game: TreasurehuntEnvironment, agent: number): string[] {
  const out = new Uint8Array(game.agents[agent].observation.size).fill(7);
  game.observe(agent, out);
  const letters = ['E', '#', 'G', 'B', 'F', 'A'];
  const side = Math.sqrt(out.length / letters.length);
  const cells = Array.from({ length: side * side }, (_, cell) => {
    const seen = letters.filter((__, channel) => out[channel * side * side + cell] === 1);
    return seen.length === 0 ? '.' : seen.join('+');
  });
  expect(out.every((value) => value <= 1)).toBe(true);
  return Array.from({ length: side }, (_, y) => cells.slice(y * side, (y + 1) * side).join(''));
}

/** Plays one turn with an action for each agent, and returns the rewards. */
export function turn(game: TreasurehuntEnvironment, ...actions: number[]): number[] {
  game.beginTurn();
  actions.forEach((action, agent) => game.act(agent, action));
  game.endTurn();
  return [...game.rewards];
}
