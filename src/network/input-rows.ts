import type { Layout } from '../buffer/layout.js';
import { nonZeroListBytes } from '../kernels/kernels.js';
import type { Kernels } from '../kernels/kernels.js';

/** Sizes and place of a list of non-zeros. Plain data. */
export interface InputRowsPlan {
  /** Rows at the most. */
  readonly rows: number;
  readonly columns: number;
  /** Byte offset of the list. */
  readonly list: number;
}

/** Skipping zeros pays while less than about half of the values are not 0: measured for 150 and 750 inputs, 64 wide. */
const densityLimit = 0.4;
/** So few rows are always listed: there is no packed product that could do better. */
const alwaysListedRows = 3;

/** Above this many values that are not 0 the rows count as dense. */
function limitOf(rows: number, columns: number): number {
  return rows <= alwaysListedRows ? rows * columns : Math.floor(rows * columns * densityLimit);
}

export function planInputRows(layout: Layout, rows: number, columns: number): InputRowsPlan {
  const limit = Math.max(limitOf(rows, columns), limitOf(Math.min(rows, alwaysListedRows), columns));
  return { rows, columns, list: layout.reserve(nonZeroListBytes(rows, columns, limit)) };
}

/** What a layer that skips zeros multiplies. */
export interface LayerInput {
  readonly rows: number;
  readonly plan: {
    /** Byte offset of the list of what is not 0. */
    readonly list: number;
  };
  /** Whether that list holds everything that is not 0. */
  readonly isSparse: boolean;
  /** Byte offset of all values, f32 [rows, columns]; read where `isSparse` is false. */
  readonly values: number;
}

/** A network's input, and the list of what is not 0 in it: scanned once, then used by every pass over the same rows. */
export class InputRows implements LayerInput {
  readonly plan: InputRowsPlan;
  readonly #kernels: Kernels;
  #values = 0;
  #rows = 0;
  #isSparse = false;

  constructor(plan: InputRowsPlan, kernels: Kernels) {
    this.plan = plan;
    this.#kernels = kernels;
  }

  /**
   * Looks through the f32 [rows, columns] at byte `values`. To be called again whenever they have changed.
   * @param rows at most, and unless it is given as many as, the plan says
   */
  scan(values: number, rows = this.plan.rows): void {
    const { list, columns } = this.plan;
    this.#values = values;
    this.#rows = rows;
    this.#isSparse = this.#kernels.listNonZeros(list, values, rows, columns, limitOf(rows, columns)) >= 0;
  }

  /** Byte offset of the rows. */
  get values(): number {
    return this.#values;
  }

  /** Number of the rows. */
  get rows(): number {
    return this.#rows;
  }

  /** Whether the list holds them all; it depends on the values alone, so every thread decides alike. */
  get isSparse(): boolean {
    return this.#isSparse;
  }
}
