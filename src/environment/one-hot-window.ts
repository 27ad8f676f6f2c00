import { MarlinError } from '../errors.js';
import type { ObservationArray } from './environment.js';
import type { World } from './world.js';

export interface OneHotWindowPlan {
  /** The kinds of entities that have a channel, in the order of the channels; all kinds of the world must be here. */
  readonly kinds: readonly string[];
  /** Cells seen in each direction: the window's side is 2 × radius + 1. */
  readonly radius: number;
  /** The kind that is seen where the world has ended. Default `Wall`. */
  readonly fillKind?: string;
  /** The kind that is nothing to see: its channel stays 0. Default `EmptyEntity`. */
  readonly emptyKind?: string;
}

/** In `channelStart`: this kind writes nothing. */
const unseen = -1;

/**
 * A square window centred on a location, one channel for each kind: [channel, y, x] counts the layers at (y, x) that
 * hold an entity of the channel's kind. A location outside the world counts as one entity of the fill kind.
 */
export class OneHotWindow {
  readonly shape: readonly [channels: number, height: number, width: number];
  /** Number of values: the product of the shape. */
  readonly size: number;

  readonly #world: World;
  readonly #radius: number;
  /** By number of kind: index of its channel's first value, or `unseen`. */
  readonly #channelStart: Int32Array;
  readonly #fillStart: number;

  constructor(world: World, plan: OneHotWindowPlan) {
    const side = 2 * plan.radius + 1;
    const emptyKind = plan.emptyKind ?? 'EmptyEntity';
    const startOf = (kind: string): number => {
      if (kind === emptyKind) return unseen;
      const channel = plan.kinds.indexOf(kind);
      if (channel >= 0) return channel * side * side;
      throw new MarlinError(
        'ERR_ENVIRONMENT',
        `The world can show the kind ${kind}, but the observation has channels for ${plan.kinds.join(', ')} only.`,
      );
    };
    this.shape = [plan.kinds.length, side, side];
    this.size = plan.kinds.length * side * side;
    this.#world = world;
    this.#radius = plan.radius;
    this.#channelStart = Int32Array.from(world.kinds, startOf);
    this.#fillStart = startOf(plan.fillKind ?? 'Wall');
  }

  /** Writes the window around (y, x) into the first `size` values of `out`. Allocates nothing. */
  observe(y: number, x: number, out: ObservationArray): void {
    out.fill(0, 0, this.size);
    const { height, width, layerCount, kindOfCell } = this.#world;
    const channelStart = this.#channelStart;
    const top = y - this.#radius;
    const left = x - this.#radius;
    const bottom = y + this.#radius;
    const right = x + this.#radius;
    let pixel = 0;
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++, pixel++) {
        if (row < 0 || row >= height || column < 0 || column >= width) {
          if (this.#fillStart !== unseen) out[this.#fillStart + pixel] = 1;
          continue;
        }
        let cell = (row * width + column) * layerCount;
        for (let layer = 0; layer < layerCount; layer++, cell++) {
          const start = channelStart[kindOfCell[cell]];
          if (start !== unseen) out[start + pixel]++;
        }
      }
    }
  }
}
