import type { RandomStream } from '../random.js';
import type { DrawStrategy } from './draw-strategy.js';
import { advance } from './position.js';
import type { RingPlan } from './ring-plan.js';
import type { RingWindows } from './ring-windows.js';

/** Every row of every ring as often as any other, with replacement. */
export class UniformDraw implements DrawStrategy {
  readonly windows: RingWindows;
  readonly rings: Int32Array;
  readonly positions: Int32Array;
  readonly #period: number;
  readonly #random: RandomStream;
  /** Sum of the windows' lengths. */
  #total = 0;

  constructor(plan: RingPlan, batchSize: number, windows: RingWindows, random: RandomStream) {
    this.windows = windows;
    this.rings = new Int32Array(batchSize);
    this.positions = new Int32Array(batchSize);
    this.#period = plan.period;
    this.#random = random;
  }

  look(ring: number): void {
    const { windows } = this;
    const before = windows.lengths[ring];
    windows.look(ring);
    this.#total += windows.lengths[ring] - before;
  }

  draw(index: number): boolean {
    if (this.#total === 0) return false;
    const { lengths, firsts } = this.windows;
    let offset = this.#random.integer(this.#total);
    let ring = 0;
    while (offset >= lengths[ring]) offset -= lengths[ring++];
    this.rings[index] = ring;
    this.positions[index] = advance(firsts[ring], offset, this.#period);
    return true;
  }

  complete(): void {
    // The reader has given every transition the weight 1.
  }

  learned(): void {
    // Nothing of a uniform draw is kept but the random stream, which the learner saves.
  }
}
