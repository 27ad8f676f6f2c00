import type { Layout } from '../buffer/layout.js';
import { nonZeroListBytes } from '../kernels/kernels.js';
import type { Kernels } from '../kernels/kernels.js';
import type { LayerInput } from './input-rows.js';

/** Sizes and places of a product of features and embeddings. Plain data. */
export interface QuantileProductPlan {
  /** Observations. */
  readonly groups: number;
  /** Quantile fractions of each observation. */
  readonly quantiles: number;
  /** Width of features and embeddings. */
  readonly columns: number;
  /** groups × quantiles */
  readonly rows: number;
  /** Byte offset of the list of what is not 0. */
  readonly list: number;
  /** i32 [columns] */
  readonly active: number;
}

export function planQuantileProduct(
  layout: Layout,
  groups: number,
  quantiles: number,
  columns: number,
): QuantileProductPlan {
  const rows = groups * quantiles;
  const list = layout.reserve(nonZeroListBytes(rows, columns, rows * columns));
  return { groups, quantiles, columns, rows, list, active: layout.reserve(columns * 4) };
}

/**
 * The products h ⊙ φ of an implicit quantile network: row g · quantiles + t is features[g] ⊙ embedding[g · quantiles + t].
 * Both come out of a ReLU, so a quarter of the products is not 0, and only those are kept; the layer behind takes a
 * quarter of the time (measured at 250 wide, batch 64 and 12 quantiles: 0.9 ms for 3.9).
 */
export class QuantileProduct implements LayerInput {
  readonly plan: QuantileProductPlan;
  readonly rows: number;
  readonly isSparse = true;
  /** There are no dense values. */
  readonly values = 0;
  readonly #kernels: Kernels;

  constructor(plan: QuantileProductPlan, kernels: Kernels) {
    this.plan = plan;
    this.rows = plan.rows;
    this.#kernels = kernels;
  }

  /** Multiplies features[groups, columns] and embedding[groups · quantiles, columns]. */
  forward(features: number, embedding: number): void {
    const { list, groups, quantiles, columns, active } = this.plan;
    this.#kernels.listProducts(list, features, embedding, groups, quantiles, columns, active);
  }

  /**
   * Once the list holds the gradients of the products: writes featureGradient[groups, columns], and turns the list into
   * the gradient of the embedding before its ReLU, whose sums over the rows go to biasGradient[columns].
   */
  backward(featureGradient: number, biasGradient: number, features: number, embedding: number): void {
    const { list, groups, quantiles, columns } = this.plan;
    const kernels = this.#kernels;
    kernels.productGradient(list, featureGradient, biasGradient, features, embedding, groups, quantiles, columns);
  }
}
