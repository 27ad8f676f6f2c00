import { describe, expect, it } from 'vitest';
import type { ChangingEntity, Entity } from '#marlin/environment/entity.js';
import { World } from '#marlin/environment/world.js';
import { testStream } from './streams.js';

const sand: Entity = { kind: 'EmptyEntity', value: 0, passable: true, hasTransitions: false };

type Transition = ChangingEntity['transition'];

function changing(kind: string, transition: Transition, transitionProbability?: number): ChangingEntity {
  const entity = { kind, value: 0, passable: true, hasTransitions: true, transition } as const;
  return transitionProbability === undefined ? entity : { ...entity, transitionProbability };
}

function makeWorld(height: number, width: number, ...entities: Entity[]): World {
  return new World({ height, width, layers: [sand, sand], entities });
}

describe('transitions', () => {
  it('happen in row-major order (y, x, layer), whatever the order of the sets', () => {
    const taken: number[] = [];
    const tree = changing('Tree', (_, cell) => taken.push(cell));
    const river = changing('River', (_, cell) => taken.push(cell), 1);
    const world = makeWorld(40, 50, tree, river);
    const random = testStream();
    const cells = Array.from({ length: 3000 }, () => random.integer(world.cellCount));
    for (const cell of cells) world.add(cell, random.uniform() < 0.5 ? tree : river);
    for (const cell of cells.slice(0, 500)) world.remove(cell);
    const removed = new Set(cells.slice(0, 500));
    world.takeTransitions(random);
    expect(taken).toEqual([...new Set(cells)].filter((cell) => !removed.has(cell)).toSorted((a, b) => a - b));
  });

  it('happen once a turn to a cell, even where the change makes more of the same', () => {
    let count = 0;
    const spreading: ChangingEntity = changing('Moss', (world, cell) => {
      count++;
      if (cell + 2 < world.cellCount) world.add(cell + 2, spreading);
      world.remove(cell);
      world.add(cell, spreading);
    });
    const world = makeWorld(1, 5, spreading);
    world.add(0, spreading);
    for (const expected of [1, 2, 3, 4, 5, 5]) {
      count = 0;
      world.takeTransitions(testStream());
      expect(count).toBe(expected);
    }
  });

  it('do not happen to an entity that was replaced earlier in the turn', () => {
    const taken: string[] = [];
    const victim = changing('Victim', () => taken.push('victim'));
    const other = changing('Other', () => taken.push('other'));
    const eater = changing('Eater', (world, cell) => {
      taken.push('eater');
      world.add(cell + 2, other);
    });
    const world = makeWorld(1, 2, eater, victim, other);
    world.add(0, eater);
    world.add(2, victim);
    world.takeTransitions(testStream());
    expect(taken).toEqual(['eater']);
  });

  it('happen as often as their probability says, independently of the number that changed before', () => {
    const gem: Entity = { kind: 'Gem', value: 1, passable: true, hasTransitions: false };
    const empty = changing('EmptyEntity', (world, cell) => world.add(cell, gem), 0.01);
    const world = new World({ height: 30, width: 30, layers: [empty], entities: [gem] });
    const full = world.save();
    const random = testStream(5);
    const [epochs, turns] = [400, 50];
    let changed = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      world.restore(full);
      for (let turn = 0; turn < turns; turn++) world.takeTransitions(random);
      changed += 900 - world.cellsHolding(empty).size;
    }
    // After t turns a cell has changed with probability 1 − (1 − p)^t, independently of the other cells.
    const expected = 1 - 0.99 ** turns;
    const standardError = Math.sqrt((expected * (1 - expected)) / (epochs * 900));
    expect(Math.abs(changed / (epochs * 900) - expected)).toBeLessThan(4 * standardError);
  });
});
