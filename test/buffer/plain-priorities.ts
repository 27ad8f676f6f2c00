import type { PriorityKernels } from '#marlin/buffer/priority-plan.js';

/** A leaf by its definition, as f32 holds it. */
export function leafOf(error: number, floor: number, exponent: number): number {
  return Math.fround((Math.abs(error) + floor) ** exponent);
}

/** The powers of prioritized replay written the plain way: the model that the kernels are held against. */
export class PlainPriorities implements PriorityKernels {
  readonly #floats: Float32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#floats = new Float32Array(buffer);
  }

  priorityLeaves(leaves: number, errors: number, count: number, floor: number, exponent: number): void {
    for (let index = 0; index < count; index++) {
      this.#floats[leaves / 4 + index] = leafOf(this.#floats[errors / 4 + index], floor, exponent);
    }
  }

  importanceWeights(weights: number, leaves: number, count: number, correction: number): void {
    const own = this.#floats.slice(leaves / 4, leaves / 4 + count);
    const least = Math.min(...own);
    own.forEach((leaf, index) => {
      this.#floats[weights / 4 + index] = (least / leaf) ** correction;
    });
  }
}
