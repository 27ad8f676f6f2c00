import type { RandomStream } from '../random.js';

/** f64 sums above `leaves` leaves: half of them, half of those, … 1. */
export function sumTreeNodes(leaves: number): number {
  let nodes = 0;
  for (let level = leaves; level > 1; level = parents(level)) nodes += parents(level);
  return Math.max(1, nodes);
}

function parents(count: number): number {
  return (count + 1) >> 1;
}

/**
 * Sums of pairs of leaves, of pairs of those, and so on: finds a leaf by its share of the total in log₂ steps.
 *
 * ```
 *   nodes    │ 10 │            a leaf or sum without a partner has the partner 0;
 *            │ 7 │ 3 │         levels lie one behind the other, lowest first
 *            │ 4 │ 3 │ 3 │
 *   leaves   │1│3│2│1│3│       f32, none negative; they are the state, the sums can be computed from them again
 * ```
 *
 * Each sum is always the sum of its two, in f64, and never changed by a difference: no error gathers however often
 * leaves change, and the sums depend on the leaves alone. Allocates nothing.
 */
export class SumTree {
  readonly #leaves: Float32Array;
  readonly #nodes: Float64Array;
  /** Where each level begins in `#nodes`, and how many sums it has, lowest first. */
  readonly #starts: Int32Array;
  readonly #counts: Int32Array;

  /** @param nodes {@link sumTreeNodes} of them; whatever they hold is replaced by the sums of the leaves */
  constructor(leaves: Float32Array, nodes: Float64Array) {
    const counts: number[] = [];
    for (let level = leaves.length; level > 1 || counts.length === 0; level = parents(level)) counts.push(parents(level));
    this.#leaves = leaves;
    this.#nodes = nodes;
    this.#counts = Int32Array.from(counts);
    this.#starts = Int32Array.from(counts, (_, level) => counts.slice(0, level).reduce((sum, count) => sum + count, 0));
    this.#build();
  }

  get isEmpty(): boolean {
    return this.#nodes[this.#nodes.length - 1] === 0;
  }

  /** False where a leaf is NaN or infinite. */
  get isFinite(): boolean {
    return Number.isFinite(this.#nodes[this.#nodes.length - 1]);
  }

  /** Sets leaf `index` to `values[place]`: not to a number, which a call that is not inlined would put on the heap. */
  set(index: number, values: Float32Array, place: number): void {
    this.#leaves[index] = values[place];
    this.#update(index);
  }

  clear(index: number): void {
    if (this.#leaves[index] === 0) return;
    this.#leaves[index] = 0;
    this.#update(index);
  }

  /**
   * The leaf at a random point of stratum `stratum` of the total's `strata` equal parts; with each of them drawn from
   * once, a leaf comes up in proportion to it. Never a leaf that is 0. Call only where the tree is not empty.
   */
  draw(random: RandomStream, stratum: number, strata: number): number {
    const nodes = this.#nodes;
    let target = ((stratum + random.uniformPrecise()) / strata) * nodes[nodes.length - 1];
    let index = 0;
    for (let level = this.#starts.length - 2; level >= 0; level--) {
      const first = this.#starts[level];
      const left = index << 1;
      const hasRight = left + 1 < this.#counts[level] && nodes[first + left + 1] !== 0;
      const leftSum = nodes[first + left];
      // Rounding may leave a target of the whole sum, or more; a part that is 0 is never entered for it.
      if (target < leftSum || !hasRight) {
        index = left;
      } else {
        target -= leftSum;
        index = left + 1;
      }
    }
    const left = index << 1;
    const hasRight = left + 1 < this.#leaves.length && this.#leaves[left + 1] !== 0;
    return target < this.#leaves[left] || !hasRight ? left : left + 1;
  }

  #build(): void {
    for (let level = 0; level < this.#starts.length; level++) {
      for (let index = 0; index < this.#counts[level]; index++) this.#sum(level, index);
    }
  }

  #update(leaf: number): void {
    let index = leaf;
    for (let level = 0; level < this.#starts.length; level++) {
      index >>= 1;
      this.#sum(level, index);
    }
  }

  #sum(level: number, index: number): void {
    const nodes = this.#nodes;
    const left = index << 1;
    const right = left + 1;
    const place = this.#starts[level] + index;
    if (level === 0) {
      nodes[place] = this.#leaves[left] + (right < this.#leaves.length ? this.#leaves[right] : 0);
    } else {
      const first = this.#starts[level - 1];
      nodes[place] = nodes[first + left] + (right < this.#counts[level - 1] ? nodes[first + right] : 0);
    }
  }
}
