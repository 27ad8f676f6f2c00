import type { RandomStream } from '../random.js';
import type { CellSet } from './cell-set.js';
import type { ChangingEntity } from './entity.js';
import { GeometricSkip } from './geometric-skip.js';
import type { World } from './world.js';

/** An entity that changes by itself, and the cells that hold it. */
export interface ChangingCells {
  readonly entity: ChangingEntity;
  readonly cells: CellSet;
}

/** What the entities of a world do by themselves when a turn begins. */
export class Transitions {
  readonly #changing: readonly ChangingCells[];
  /** One for each of `changing`. */
  readonly #skips: readonly GeometricSkip[];
  /** The cells of this turn, each as cell × number of changing entities + which of them: sorting sorts by cell. */
  readonly #drawn: Float64Array;

  constructor(changing: readonly ChangingCells[], cellCount: number) {
    this.#changing = changing;
    this.#skips = changing.map(({ entity }) => new GeometricSkip(entity.transitionProbability ?? 1, cellCount));
    this.#drawn = new Float64Array(cellCount);
  }

  /**
   * Draws the cells that change, then lets each take its transition in row-major order (y, x, layer). Drawing comes
   * first, because a transition changes the very sets that are drawn from: no cell changes twice in a turn, and one
   * whose entity another transition has replaced does not change at all.
   */
  take(world: World, random: RandomStream): void {
    const count = this.#draw(random);
    sortAscending(this.#drawn, count);
    const kinds = this.#changing.length;
    for (let index = 0; index < count; index++) {
      const drawn = this.#drawn[index];
      // Not by `%`: the engine calls a function for the remainder of floats.
      const cell = Math.floor(drawn / kinds);
      const { entity } = this.#changing[drawn - cell * kinds];
      if (world.entityAt(cell) === entity) entity.transition(world, cell, random);
    }
  }

  #draw(random: RandomStream): number {
    const kinds = this.#changing.length;
    let count = 0;
    for (let index = 0; index < kinds; index++) {
      const { cells } = this.#changing[index];
      const skip = this.#skips[index];
      const size = cells.size;
      for (let position = skip.next(0, size, random); position < size;) {
        this.#drawn[count++] = cells.at(position) * kinds + index;
        position = skip.next(position + 1, size, random);
      }
    }
    return count;
  }
}

/** Gaps of Ciura, "Best increments for the average case of Shellsort" (2001). */
const gaps = [701, 301, 132, 57, 23, 10, 4, 1] as const;

/** Sorts the first `count` values in place. The arrays' own `sort` would need a view of the part, which is garbage. */
function sortAscending(values: Float64Array, count: number): void {
  for (const gap of gaps) {
    for (let index = gap; index < count; index++) {
      const value = values[index];
      let hole = index;
      while (hole >= gap && values[hole - gap] > value) {
        values[hole] = values[hole - gap];
        hole -= gap;
      }
      values[hole] = value;
    }
  }
}
