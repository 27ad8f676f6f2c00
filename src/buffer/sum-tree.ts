import type { RandomStream } from '../random.js';

/** Leaves that a tree of this many has, a last one without a partner having one that stays 0. */
export function sumTreeLeaves(leaves: number): number {
  return leaves + (leaves & 1);
}

/** f64 sums above so many leaves. */
export function sumTreeNodes(leaves: number): number {
  const starts = levelStarts(leaves);
  return starts[starts.length - 1] + 1;
}

/** Where each level of sums begins, lowest first; the last is the total alone, the others of even lengths. */
function levelStarts(leaves: number): number[] {
  const starts: number[] = [];
  let end = 0;
  let count = leaves;
  do {
    count = (count + 1) >> 1;
    starts.push(end);
    end += count + (count & 1);
  } while (count > 1);
  return starts;
}

/**
 * Sums of pairs of leaves, of pairs of those, and so on: finds a leaf by its share of the total in log₂ steps.
 *
 * ```
 *   nodes    │ 10 │            levels lie one behind the other, lowest first;
 *            │ 7 │ 3 │         where one would have an odd length, a 0 follows
 *            │ 4 │ 3 │ 3 │ 0 │
 *   leaves   │1│3│2│1│3│0│     f32, none negative; they are the state, the sums can be computed from them again
 * ```
 *
 * Each sum is always the sum of its two, in f64, and never changed by a difference: no error gathers however often
 * leaves change, and the sums depend on the leaves alone. Allocates nothing.
 */
export class SumTree {
  readonly #leaves: Float32Array;
  readonly #nodes: Float64Array;
  readonly #starts: Int32Array;
  readonly #root: number;

  /**
   * @param leaves as many as {@link sumTreeLeaves} says
   * @param nodes {@link sumTreeNodes} of them; whatever they hold is replaced by the sums of the leaves
   */
  constructor(leaves: Float32Array, nodes: Float64Array) {
    this.#leaves = leaves;
    this.#nodes = nodes;
    this.#starts = Int32Array.from(levelStarts(leaves.length));
    this.#root = nodes.length - 1;
    nodes.fill(0);
    for (let leaf = 0; leaf < leaves.length; leaf += 2) this.#update(leaf);
  }

  get isEmpty(): boolean {
    return this.#nodes[this.#root] === 0;
  }

  /** False where a leaf is NaN or infinite. */
  get isFinite(): boolean {
    return Number.isFinite(this.#nodes[this.#root]);
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
   * The leaf at a random point of part `stratum` of the total's `strata` equal parts; where each of them is drawn from
   * once, a leaf comes up in proportion to it. Never a leaf that is 0. Call only where the tree is not empty.
   */
  draw(random: RandomStream, stratum: number, strata: number): number {
    const nodes = this.#nodes;
    const leaves = this.#leaves;
    let target = ((stratum + random.uniformPrecise()) / strata) * nodes[this.#root];
    let index = 0;
    for (let level = this.#starts.length - 2; level >= 0; level--) {
      const left = this.#starts[level] + 2 * index;
      // Rounding may leave a target of the whole sum, or more; a part that is 0 is never entered for it. Both by
      // arithmetic: which way it goes no processor can foresee, and with branches a draw took 1.7 times as long.
      const right = Number(target >= nodes[left]) & Number(nodes[left + 1] > 0);
      target -= right * nodes[left];
      index = 2 * index + right;
    }
    const left = 2 * index;
    return left + (Number(target >= leaves[left]) & Number(leaves[left + 1] > 0));
  }

  /** Computes the sums above a leaf. */
  #update(leaf: number): void {
    const nodes = this.#nodes;
    let index = leaf >> 1;
    nodes[index] = this.#leaves[2 * index] + this.#leaves[2 * index + 1];
    for (let level = 1; level < this.#starts.length; level++) {
      index >>= 1;
      const left = this.#starts[level - 1] + 2 * index;
      nodes[this.#starts[level] + index] = nodes[left] + nodes[left + 1];
    }
  }
}
