import type { World } from './world.js';

/** The movement actions, in the order of their numbers. An agent faces the way it last tried to go. */
export const directions = ['up', 'down', 'left', 'right'] as const;

const stepY = [-1, 1, 0, 0] as const;
const stepX = [0, 0, -1, 1] as const;

/** Where an agent of a gridworld stands and looks. */
export class Body {
  y = 0;
  x = 0;
  /** Index of {@link directions}. Default 1, down. */
  facing = 1;
  readonly #world: World;
  readonly #layer: number;

  /** @param layer the layer of the world in which the agent moves */
  constructor(world: World, layer: number) {
    this.#world = world;
    this.#layer = layer;
  }

  /** The cell it stands in. */
  get cell(): number {
    return this.#world.cellAt(this.y, this.x, this.#layer);
  }

  /** Stands in a cell of its layer, looking down. Leaves the world as it is. */
  place(cell: number): void {
    const location = Math.floor(cell / this.#world.layerCount);
    this.y = Math.floor(location / this.#world.width);
    this.x = location % this.#world.width;
    this.facing = 1;
  }

  /**
   * Turns to a direction and takes a step that way, if what is there is passable.
   * @returns value of what was there before; 0 beyond the edge of the world
   */
  step(direction: number): number {
    this.facing = direction;
    const y = this.y + stepY[direction];
    const x = this.x + stepX[direction];
    if (!this.#world.contains(y, x)) return 0;
    const target = this.#world.cellAt(y, x, this.#layer);
    const value = this.#world.entityAt(target).value;
    if (this.#world.move(this.cell, target)) {
      this.y = y;
      this.x = x;
    }
    return value;
  }
}
