import { describe, expect, it } from 'vitest';
import { arrange, picture, turn, view } from './arrange.js';
import { makeTreasurehunt } from './play.js';

const [up, down, left, right] = [0, 1, 2, 3];

describe('moving in treasurehunt', () => {
  it('goes up, down, left and right, and leaves an empty cell behind', async () => {
    const game = await arrange(['#####', '#...#', '#.0.#', '#...#', '#####']);
    const places = [up, left, down, down, right, right, up].map((action) => {
      expect(turn(game, action)).toEqual([0]);
      expect(game.bodies[0].facing).toBe(action);
      return [game.bodies[0].y, game.bodies[0].x];
    });
    expect(places).toEqual([
      [1, 2],
      [1, 1],
      [2, 1],
      [3, 1],
      [3, 2],
      [3, 3],
      [2, 3],
    ]);
    expect(picture(game)).toEqual(['#####', '#...#', '#..0#', '#...#', '#####']);
  });

  it.each([
    ['G', 10],
    ['F', 5],
    ['B', -10],
  ])('onto %s earns %i once', async (letter, value) => {
    const game = await arrange(['#####', `#0${letter}.#`, '#####']);
    expect(turn(game, right)).toEqual([value]);
    expect(picture(game)).toEqual(['#####', '#.0.#', '#####']);
    expect(turn(game, left)).toEqual([0]);
    expect(turn(game, right)).toEqual([0]);
  });

  it('earns the values of the options', async () => {
    const game = await arrange(['######', '#0GFB#', '######'], {
      gemValue: 1,
      foodValue: 2,
      boneValue: 3,
      wallValue: 4,
    });
    expect([0, 1, 2, 3].map(() => turn(game, right)[0])).toEqual([1, 2, 3, 4]);
  });

  it.each([up, down, left, right])('into a wall (%i) costs 1 and leads nowhere', async (action) => {
    const game = await arrange(['###', '#0#', '###']);
    expect(turn(game, action)).toEqual([-1]);
    expect(turn(game, action)).toEqual([-1]);
    expect(picture(game)).toEqual(['###', '#0#', '###']);
  });

  it('into another agent earns nothing and leads nowhere', async () => {
    const game = await arrange(['####', '#01#', '####']);
    expect(turn(game, right, left)).toEqual([0, 0]);
    expect(picture(game)).toEqual(['####', '#01#', '####']);
  });

  it('happens in the order of the agents: the first clears the way, and takes the treasure', async () => {
    const following = await arrange(['#####', '#10.#', '#####']);
    expect(turn(following, right, right)).toEqual([0, 0]);
    expect(picture(following)).toEqual(['#####', '#.10#', '#####']);
    const racing = await arrange(['#####', '#1G0#', '#####']);
    expect(turn(racing, left, right)).toEqual([10, 0]);
    expect(picture(racing)).toEqual(['#####', '#10.#', '#####']);
  });

  it.each([-1, 4, 0.5, Number.NaN])('refuses action %f', async (action) => {
    const game = await arrange(['###', '#0#', '###']);
    game.beginTurn();
    expect(() => game.act(0, action)).toThrow(`Actions are 0 to 3, but agent 0 was given ${action}`);
  });
});

describe('an observation of treasurehunt', () => {
  it('shows 5 × 5 cells with the agent in the middle, and walls beyond the world', async () => {
    const game = await arrange(['#######', '#0.G..#', '#.B.F.#', '#...1.#', '#######']);
    expect(view(game, 0)).toEqual(['#####', '#####', '##A.G', '##.B.', '##...']);
    expect(view(game, 1)).toEqual(['.G..#', 'B.F.#', '..A.#', '#####', '#####']);
  });

  it('shows the turn as it stands: what the agents before have done', async () => {
    const game = await arrange(['#####', '#0G1#', '#####']);
    game.beginTurn();
    game.act(0, right);
    expect(view(game, 1)).toEqual(['#####', '#####', '.AA##', '#####', '#####']);
  });

  it('has the size and shape that the agent announces', async () => {
    const game = await makeTreasurehunt({ viewRadius: 3 });
    expect(game.agents.map((agent) => agent.id)).toEqual(['agent-0', 'agent-1']);
    expect(game.agents[0].observation).toEqual({ size: 294, dtype: 'u8', shape: [6, 7, 7] });
    expect(game.agents[0].action).toEqual({ kind: 'discrete', count: 4, names: ['up', 'down', 'left', 'right'] });
  });
});
