/**
 * A set of cells in an array without gaps: adding, removing and picking the i-th take constant time. Removing moves
 * the last member into the gap, so the order depends on the history, and the history on nothing but the random stream.
 *
 * ```
 * members  [ 7 | 3 | 9 | 4 ]      delete(3)      members  [ 7 | 4 | 9 ]
 * slots    cell 7 → 0, cell 3 → 1, …             slots    cell 4 → 1
 * ```
 *
 * A cell holds one entity, so the sets of a world are disjoint and share one array of slots.
 */
export class CellSet {
  readonly #members: Int32Array;
  readonly #slots: Int32Array;
  #size = 0;

  /** @param slots i32 [cells], shared with the other sets of the world; gives the most members there can be */
  constructor(slots: Int32Array) {
    this.#members = new Int32Array(slots.length);
    this.#slots = slots;
  }

  get size(): number {
    return this.#size;
  }

  /** The cell at a position in [0, size). */
  at(position: number): number {
    return this.#members[position];
  }

  /** Adds a cell that is in no set. */
  add(cell: number): void {
    this.#members[this.#size] = cell;
    this.#slots[cell] = this.#size;
    this.#size++;
  }

  /** Removes a cell that is in this set. */
  delete(cell: number): void {
    const slot = this.#slots[cell];
    this.#size--;
    const last = this.#members[this.#size];
    this.#members[slot] = last;
    this.#slots[last] = slot;
  }

  /** The members in their order, as a copy. */
  toArray(): Int32Array {
    return this.#members.slice(0, this.#size);
  }

  /** Takes on the members of {@link toArray}. The cells' slots must not be in use by another set. */
  restore(members: Int32Array): void {
    this.#members.set(members);
    this.#size = members.length;
    for (let position = 0; position < members.length; position++) this.#slots[members[position]] = position;
  }
}
