import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChangingEntity, Entity } from '#marlin/environment/entity.js';
import { World } from '#marlin/environment/world.js';

function still(kind: string, passable: boolean): Entity {
  return { kind, value: 0, passable, hasTransitions: false };
}

function changing(kind: string, passable: boolean): ChangingEntity {
  return { kind, value: 0, passable, hasTransitions: true, transition: () => {} };
}

const sand = still('EmptyEntity', true);
const empty = changing('EmptyEntity', true);
const wall = still('Wall', false);
const gem = still('Gem', true);
const tree = changing('Tree', false);
const entities = [sand, empty, wall, gem, tree];

function makeWorld(height: number, width: number): World {
  return new World({ height, width, layers: [sand, empty], entities: [wall, gem, tree] });
}

/** The rules of `World` in the plainest way: entities in an array [y, x, layer]. */
class NaiveWorld {
  readonly cells: Entity[][][];
  readonly defaults = [sand, empty];

  constructor(height: number, width: number) {
    this.cells = Array.from({ length: height }, () => Array.from({ length: width }, () => [...this.defaults]));
  }

  move([fromY, fromX, fromLayer]: Place, [toY, toX, toLayer]: Place): boolean {
    if (!this.cells[toY][toX][toLayer].passable) return false;
    const entity = this.cells[fromY][fromX][fromLayer];
    this.cells[fromY][fromX][fromLayer] = this.defaults[fromLayer];
    this.cells[toY][toX][toLayer] = entity;
    return true;
  }
}

type Place = readonly [y: number, x: number, layer: number];
type Command =
  | { readonly do: 'add'; readonly at: Place; readonly entity: Entity }
  | { readonly do: 'remove'; readonly at: Place }
  | { readonly do: 'move'; readonly from: Place; readonly to: Place };

function commandsFor(height: number, width: number): fc.Arbitrary<Command[]> {
  const place = fc.tuple(fc.nat(height - 1), fc.nat(width - 1), fc.nat(1));
  return fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('add' as const), at: place, entity: fc.constantFrom(...entities) }),
      fc.record({ do: fc.constant('remove' as const), at: place }),
      fc.record({ do: fc.constant('move' as const), from: place, to: place }),
    ),
    { maxLength: 60 },
  );
}

/** Runs a command on both; returns whether they agree about its outcome. */
function run(command: Command, world: World, naive: NaiveWorld): boolean {
  if (command.do === 'move') {
    const moved = world.move(world.cellAt(...command.from), world.cellAt(...command.to));
    return moved === naive.move(command.from, command.to);
  }
  const [y, x, layer] = command.at;
  const entity = command.do === 'add' ? command.entity : naive.defaults[layer];
  naive.cells[y][x][layer] = entity;
  if (command.do === 'add') world.add(world.cellAt(y, x, layer), entity);
  else world.remove(world.cellAt(y, x, layer));
  return true;
}

function expectSame(world: World, naive: NaiveWorld): void {
  const holding = new Map<Entity, number[]>([
    [empty, []],
    [tree, []],
  ]);
  naive.cells.forEach((row, y) =>
    row.forEach((expected, x) => {
      expect(world.observe(y, x)).toEqual(expected);
      expected.forEach((entity, layer) => {
        const cell = world.cellAt(y, x, layer);
        expect(world.kinds[world.kindOfCell[cell]]).toBe(entity.kind);
        holding.get(entity)?.push(cell);
      });
    }),
  );
  for (const entity of [empty, tree]) {
    expect([...world.cellsHolding(entity).toArray()].toSorted((a, b) => a - b)).toEqual(holding.get(entity));
  }
}

const sizes = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }));
const histories = sizes.chain(([height, width]) =>
  fc.record({ height: fc.constant(height), width: fc.constant(width), commands: commandsFor(height, width) }),
);

describe('a world', () => {
  it('does what an array of entities does, and keeps its sets of cells true', () => {
    fc.assert(
      fc.property(histories, ({ height, width, commands }) => {
        const world = makeWorld(height, width);
        const naive = new NaiveWorld(height, width);
        expectSame(world, naive);
        for (const command of commands) expect(run(command, world, naive)).toBe(true);
        expectSame(world, naive);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('goes on from a saved state as if nothing had happened, order of the sets included', () => {
    fc.assert(
      fc.property(histories, fc.nat(60), ({ height, width, commands }, when) => {
        const world = makeWorld(height, width);
        const naive = new NaiveWorld(height, width);
        for (const command of commands.slice(0, when)) run(command, world, naive);
        const restored = makeWorld(height, width);
        restored.add(0, gem);
        restored.restore(structuredClone(world.save()));
        expectSame(restored, naive);
        const naiveCopy = new NaiveWorld(height, width);
        naiveCopy.cells.splice(0, height, ...naive.cells.map((row) => row.map((cell) => [...cell])));
        for (const command of commands.slice(when)) {
          run(command, world, naive);
          run(command, restored, naiveCopy);
        }
        expect(restored.save()).toEqual(world.save());
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it('names the location and the size where there is no cell', () => {
    const world = makeWorld(3, 4);
    for (const [y, x, layer] of [
      [-1, 0, 0],
      [3, 0, 0],
      [0, 4, 0],
      [0, 0, 2],
      [0, 0, -1],
      [0.5, 0, 0],
      [Number.NaN, 0, 0],
    ] as const) {
      expect(() => world.cellAt(y, x, layer)).toThrow(`There is no cell at (y ${y}, x ${x}, layer ${layer})`);
    }
    expect(() => world.observe(3, 0)).toThrow('the world is 3 × 4 × 2');
    for (const cell of [-1, 24, 1.5, Number.NaN]) {
      const error = expect.objectContaining({
        code: 'ERR_ENVIRONMENT',
        message: expect.stringContaining(`no cell ${cell}`),
      });
      expect(() => world.entityAt(cell)).toThrow(error);
      expect(() => world.add(cell, gem)).toThrow(error);
      expect(() => world.remove(cell)).toThrow(error);
      expect(() => world.move(cell, 1)).toThrow(error);
      expect(() => world.move(1, cell)).toThrow(error);
    }
  });

  it('is unchanged by a call that was refused', () => {
    const world = makeWorld(2, 2);
    const before = world.save();
    expect(() => world.move(99, 1)).toThrow('no cell 99');
    expect(() => world.add(0, still('Stranger', true))).toThrow('not made for this entity of kind Stranger');
    expect(() => world.cellsHolding(changing('Tree', false))).toThrow('no set of cells');
    expect(world.save()).toEqual(before);
  });

  it('must have cells', () => {
    expect(() => makeWorld(0, 3)).toThrow('A world needs whole cells');
    expect(() => makeWorld(-2, -3)).toThrow('A world needs whole cells');
    expect(() => makeWorld(2.5, 2)).toThrow('A world needs whole cells');
    expect(() => new World({ height: 2, width: 2, layers: [], entities: [] })).toThrow('A world needs whole cells');
  });
});
