import { MarlinError } from '../errors.js';
import type { RandomStream } from '../random.js';
import { CellSet } from './cell-set.js';
import type { ChangingEntity, Entity } from './entity.js';
import { Transitions } from './transitions.js';

export interface WorldPlan {
  readonly height: number;
  readonly width: number;
  /** The default entity of each layer, lowest layer first: what the world starts with and what `remove` leaves. */
  readonly layers: readonly Entity[];
  /** Every other entity that the world may come to hold, agents included. */
  readonly entities: readonly Entity[];
}

/** What a world held at some time, to be given back to {@link World.restore}. Plain, cloneable data. */
export interface WorldState {
  /** u16 [cells]: numbers of entities. */
  readonly numbers: Uint16Array;
  /** For each entity that changes: the cells that hold it, in the order of their set. */
  readonly changing: readonly Int32Array[];
}

/**
 * A grid of height × width × layers, where each cell of each layer holds exactly one entity.
 *
 * A cell is named by one integer, `(y × width + x) × layers + layer`, so that counting up is row-major order and the
 * layers of a location lie side by side. All entities are known from the start, which makes a cell's content a number.
 * Nothing here allocates but the constructor, `observe`, `save`, `restore` and errors.
 */
export class World {
  readonly height: number;
  readonly width: number;
  readonly layerCount: number;
  readonly cellCount: number;
  /** The entities there are, by number. */
  readonly entities: readonly Entity[];
  /** The kinds there are, by number. */
  readonly kinds: readonly string[];
  /** u8 [y, x, layer]: number of the kind that each cell shows. For observations, which only read it. */
  readonly kindOfCell: Uint8Array;

  readonly #defaults: readonly Entity[];
  /** u16 [cells]: number of the entity that each cell holds. */
  readonly #numberOfCell: Uint16Array;
  readonly #numberOfEntity: ReadonlyMap<Entity, number>;
  /** By number of entity: number of its kind. */
  readonly #kindOfNumber: Uint8Array;
  /** By number of entity: the cells that hold it, where it is one that changes. */
  readonly #cellsOfNumber: readonly (CellSet | undefined)[];
  readonly #transitions: Transitions;

  /** Throws `ERR_ENVIRONMENT` for a world without cells, and for more entities or kinds than can be told apart. */
  constructor(plan: WorldPlan) {
    this.height = plan.height;
    this.width = plan.width;
    this.layerCount = plan.layers.length;
    this.cellCount = plan.height * plan.width * plan.layers.length;
    this.entities = [...new Set([...plan.layers, ...plan.entities])];
    this.kinds = [...new Set(this.entities.map((entity) => entity.kind))];
    if (!(this.cellCount > 0 && Number.isInteger(plan.height) && Number.isInteger(plan.width) && plan.height > 0)) {
      throw new MarlinError('ERR_ENVIRONMENT', `A world needs whole cells, at least one: not ${this.#describeSize()}.`);
    }
    if (this.entities.length > 65536) throw tooMany('entities', this.entities.length, 65536);
    if (this.kinds.length > 256) throw tooMany('kinds of entities', this.kinds.length, 256);

    this.#defaults = plan.layers;
    this.#numberOfCell = new Uint16Array(this.cellCount);
    this.kindOfCell = new Uint8Array(this.cellCount);
    this.#numberOfEntity = new Map(this.entities.map((entity, number) => [entity, number]));
    this.#kindOfNumber = Uint8Array.from(this.entities, (entity) => this.kinds.indexOf(entity.kind));
    const slots = new Int32Array(this.cellCount);
    this.#cellsOfNumber = this.entities.map((entity) => (entity.hasTransitions ? new CellSet(slots) : undefined));
    const changing = this.entities.filter((entity): entity is ChangingEntity => entity.hasTransitions);
    this.#transitions = new Transitions(
      changing.map((entity) => ({ entity, cells: this.cellsHolding(entity) })),
      this.cellCount,
    );
    this.#fillWithDefaults();
  }

  /** Whether there is a location at (y, x). */
  contains(y: number, x: number): boolean {
    return y >= 0 && y < this.height && x >= 0 && x < this.width;
  }

  /** The cell at a location and layer; throws `ERR_ENVIRONMENT` outside the world. */
  cellAt(y: number, x: number, layer: number): number {
    const inside = this.contains(y, x) && layer >= 0 && layer < this.layerCount;
    if (!inside || !Number.isInteger(y) || !Number.isInteger(x) || !Number.isInteger(layer)) {
      throw new MarlinError(
        'ERR_ENVIRONMENT',
        `There is no cell at (y ${y}, x ${x}, layer ${layer}): the world is ${this.#describeSize()}.`,
      );
    }
    return (y * this.width + x) * this.layerCount + layer;
  }

  /** What a cell holds. */
  entityAt(cell: number): Entity {
    this.#check(cell);
    return this.entities[this.#numberOfCell[cell]];
  }

  /** What the cells of all layers hold at a location, lowest layer first. Allocates the array. */
  observe(y: number, x: number): Entity[] {
    const lowest = this.cellAt(y, x, 0);
    return this.#defaults.map((_, layer) => this.entityAt(lowest + layer));
  }

  /** Puts an entity into a cell, in place of what was there. */
  add(cell: number, entity: Entity): void {
    this.#check(cell);
    const number = this.#numberOfEntity.get(entity);
    if (number === undefined) {
      throw new MarlinError('ERR_ENVIRONMENT', `The world was not made for this entity of kind ${entity.kind}.`);
    }
    this.#put(cell, number);
  }

  /** Leaves the layer's default entity in a cell. */
  remove(cell: number): void {
    this.#check(cell);
    this.add(cell, this.#defaults[cell % this.layerCount]);
  }

  /**
   * Moves what one cell holds to another, if what is there is passable: that is replaced, and the layer's default
   * entity is left behind. Returns whether it moved.
   */
  move(from: number, to: number): boolean {
    if (!this.entityAt(to).passable) return false;
    this.#check(from);
    const number = this.#numberOfCell[from];
    this.remove(from);
    this.#put(to, number);
    return true;
  }

  /** The cells that hold an entity, for entities that have transitions: of the others the world keeps no account. */
  cellsHolding(entity: ChangingEntity): CellSet {
    const cells = this.#cellsOfNumber[this.#numberOfEntity.get(entity) ?? -1];
    if (cells === undefined) {
      throw new MarlinError(
        'ERR_ENVIRONMENT',
        `The world keeps no set of cells for this entity of kind ${entity.kind}.`,
      );
    }
    return cells;
  }

  /** Lets the entities change by themselves: once, when a turn begins. */
  takeTransitions(random: RandomStream): void {
    this.#transitions.take(this, random);
  }

  /** All that tells this world from another of the same plan, as a copy. */
  save(): WorldState {
    return {
      numbers: this.#numberOfCell.slice(),
      changing: this.#cellsOfNumber.filter((cells) => cells !== undefined).map((cells) => cells.toArray()),
    };
  }

  /** Goes back to a state saved from a world of the same plan. */
  restore(state: WorldState): void {
    this.#numberOfCell.set(state.numbers);
    for (let cell = 0; cell < this.cellCount; cell++) {
      this.kindOfCell[cell] = this.#kindOfNumber[this.#numberOfCell[cell]];
    }
    const changing = this.#cellsOfNumber.filter((cells) => cells !== undefined);
    changing.forEach((cells, index) => cells.restore(state.changing[index]));
  }

  #put(cell: number, number: number): void {
    this.#cellsOfNumber[this.#numberOfCell[cell]]?.delete(cell);
    this.#numberOfCell[cell] = number;
    this.kindOfCell[cell] = this.#kindOfNumber[number];
    this.#cellsOfNumber[number]?.add(cell);
  }

  #fillWithDefaults(): void {
    for (let cell = 0; cell < this.cellCount; cell++) {
      // The defaults come first among the entities, but two layers may share one.
      const number = this.#numberOfEntity.get(this.#defaults[cell % this.layerCount]) ?? 0;
      this.#numberOfCell[cell] = number;
      this.kindOfCell[cell] = this.#kindOfNumber[number];
      this.#cellsOfNumber[number]?.add(cell);
    }
  }

  #check(cell: number): void {
    if (Number.isInteger(cell) && cell >= 0 && cell < this.cellCount) return;
    throw new MarlinError(
      'ERR_ENVIRONMENT',
      `There is no cell ${cell}: a world of ${this.#describeSize()} has ${this.cellCount}.`,
    );
  }

  #describeSize(): string {
    return `${this.height} × ${this.width} × ${this.layerCount}`;
  }
}

function tooMany(what: string, count: number, most: number): MarlinError {
  return new MarlinError('ERR_ENVIRONMENT', `A world can tell ${most} ${what} apart, but was given ${count}.`);
}
