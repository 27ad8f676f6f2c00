import type { Layout } from '../buffer/layout.js';
import type { Kernels } from '../kernels/kernels.js';
import { InputLinear, planInputLinear } from '../network/input-linear.js';
import type { InputRows } from '../network/input-rows.js';
import { Linear, linearScratchBytes, planLinear } from '../network/linear.js';
import type { LinearPlan } from '../network/linear.js';
import type { NoiseSource } from '../network/noise-source.js';
import { NoisyWeights, planNoisyWeights, planNoisyWeightsWorkspace } from '../network/noisy-weights.js';
import type { NoiseSettings, NoisyWeightsPlan, NoisyWeightsWorkspace } from '../network/noisy-weights.js';
import { ParameterLayout } from '../network/parameter-layout.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import { QHead, planQHead, qHeadScratchBytes } from '../network/q-head.js';
import type { QHeadPlan } from '../network/q-head.js';
import { QuantileProduct, planQuantileProduct } from '../network/quantile-product.js';
import type { QuantileProductPlan } from '../network/quantile-product.js';
import type { RandomStream } from '../random.js';

/** Sizes of an implicit quantile network and the layout of its parameters. Plain data. */
export interface IqnNetworkPlan {
  /** h = ReLU(W₁s + b₁): `w1`, `b1`. */
  readonly first: LinearPlan;
  /** φ(τ) = ReLU(W_c·cos(πiτ) + b_c): `wc`, `bc`. */
  readonly cosine: LinearPlan;
  /** z = ReLU(L_f(h ⊙ φ)): `wf`, `bf`. */
  readonly hidden: LinearPlan;
  /** Z = V + A − mean(A): `wa`, `wv`, `ba`, `bv`. */
  readonly head: QHeadPlan;
  /** σ of the hidden layer and of the head: `swf`, …; undefined: no noise. */
  readonly noise: { readonly hidden: NoisyWeightsPlan; readonly head: NoisyWeightsPlan } | undefined;
  readonly parameters: readonly ParameterTensor[];
  readonly parameterCount: number;
}

export interface IqnNetworkSizes {
  /** Values of one stacked observation. */
  readonly observationSize: number;
  /** Width of h and φ, and of z. */
  readonly hiddenSizes: readonly number[];
  readonly cosines: number;
  readonly actionCount: number;
  readonly noise: NoiseSettings | undefined;
}

export function planIqnNetwork(sizes: IqnNetworkSizes): IqnNetworkPlan {
  const { observationSize, hiddenSizes, cosines, actionCount } = sizes;
  const [width, hiddenWidth] = hiddenSizes;
  const layout = new ParameterLayout();
  const first = planInputLinear(layout, 'w1', 'b1', observationSize, width, 'relu');
  const cosine = planLinear(layout, 'wc', 'bc', cosines, width, 'relu');
  const hidden = planInputLinear(layout, 'wf', 'bf', width, hiddenWidth, 'relu');
  const head = planQHead(layout, hiddenWidth, actionCount, true);
  const noise = sizes.noise && {
    hidden: planNoisyWeights(layout, hidden, sizes.noise),
    head: planNoisyWeights(layout, head.linear, sizes.noise),
  };
  return { first, cosine, hidden, head, noise, parameters: layout.tensors, parameterCount: layout.count };
}

/** Byte offsets of what a forward pass works with and leaves behind, for `groups` observations. */
export interface IqnActivations {
  /** h: f32 [groups, width] */
  readonly features: number;
  /** f32 [rows, cosines], where rows = groups × quantiles */
  readonly cosines: number;
  /** φ: f32 [rows, width] */
  readonly embedding: number;
  /** h ⊙ φ */
  readonly product: QuantileProductPlan;
  /** z: f32 [rows, hidden width] */
  readonly hidden: number;
  /** Mean of z over the quantiles: f32 [groups, hidden width] */
  readonly meanHidden: number;
  /** f32 [rows, actions + 1]: the streams of the head. */
  readonly streams: number;
}

export function planIqnActivations(
  layout: Layout,
  { first, cosine, hidden, head }: IqnNetworkPlan,
  groups: number,
  quantiles: number,
): IqnActivations {
  const rows = groups * quantiles;
  return {
    features: layout.reserve(groups * first.outputs * 4),
    cosines: layout.reserve(rows * cosine.inputs * 4),
    embedding: layout.reserve(rows * cosine.outputs * 4),
    product: planQuantileProduct(layout, groups, quantiles, first.outputs),
    hidden: layout.reserve(rows * hidden.outputs * 4),
    meanHidden: layout.reserve(groups * hidden.outputs * 4),
    streams: layout.reserve(rows * head.linear.outputs * 4),
  };
}

/** What a pass in training draws. */
export interface IqnDraws {
  readonly source: NoiseSource;
  /** f32 [rows]: where the fractions go. */
  readonly tau: number;
}

/** Byte offsets of gradients of activations, with room for the same rows. */
export interface IqnUpstream {
  readonly features: number;
  readonly hidden: number;
  readonly streams: number;
  /** f32 [rows, actions] */
  readonly values: number;
}

/** Where the noisy weights of a pass lie; undefined where there is no noise. */
export type IqnNoiseWorkspace =
  | { readonly hidden: NoisyWeightsWorkspace; readonly head: NoisyWeightsWorkspace }
  | undefined;

export function planIqnNoise(layout: Layout, { noise }: IqnNetworkPlan): IqnNoiseWorkspace {
  return (
    noise && {
      hidden: planNoisyWeightsWorkspace(layout, noise.hidden),
      head: planNoisyWeightsWorkspace(layout, noise.head),
    }
  );
}

/** Bytes that the layers of a network share among them. */
export function iqnNetworkScratchBytes(plan: IqnNetworkPlan, groups: number, quantiles: number): number {
  const rows = groups * quantiles;
  return Math.max(
    linearScratchBytes(plan.first, groups),
    linearScratchBytes(plan.cosine, rows),
    qHeadScratchBytes(plan.head, rows),
  );
}

/**
 * An implicit quantile network (Dabney et al. 2018, arXiv 1806.06923) with a dueling head and, where planned so, noisy
 * layers behind the product. Parameters are named by offset in each call.
 */
export class IqnNetwork {
  readonly #kernels: Kernels;
  readonly #plan: IqnNetworkPlan;
  readonly #activations: IqnActivations;
  readonly #first: InputLinear;
  readonly #cosine: Linear;
  readonly #product: QuantileProduct;
  readonly #hidden: InputLinear;
  readonly #head: QHead;
  readonly #noise: { readonly hidden: NoisyWeights; readonly head: NoisyWeights } | undefined;
  /** Where the hidden layer and the head find their weights in this pass. */
  #hiddenParameters = 0;
  #headParameters = 0;

  /**
   * @param noise without it weights are μ: as in acting
   * @param scratch byte offset of {@link iqnNetworkScratchBytes}
   */
  constructor(
    plan: IqnNetworkPlan,
    activations: IqnActivations,
    noise: IqnNoiseWorkspace,
    kernels: Kernels,
    scratch: number,
  ) {
    this.#kernels = kernels;
    this.#plan = plan;
    this.#activations = activations;
    this.#first = new InputLinear(plan.first, kernels, scratch);
    this.#cosine = new Linear(plan.cosine, kernels, scratch);
    this.#product = new QuantileProduct(activations.product, kernels);
    this.#hidden = new InputLinear(plan.hidden, kernels, scratch);
    this.#head = new QHead(plan.head, kernels, scratch);
    this.#noise = plan.noise &&
      noise && {
        hidden: new NoisyWeights(plan.noise.hidden, noise.hidden, kernels),
        head: new NoisyWeights(plan.noise.head, noise.head, kernels),
      };
  }

  initialize(block: Float32Array, random: RandomStream): void {
    this.#first.initialize(block, random);
    this.#cosine.initialize(block, random);
    (this.#noise?.hidden ?? this.#hidden).initialize(block, random);
    (this.#noise?.head ?? this.#head).initialize(block, random);
  }

  /** φ of the fractions tau[rows], for any observations. */
  embed(parameters: number, tau: number): void {
    const { cosines, embedding, product } = this.#activations;
    this.#kernels.cosineFeatures(cosines, tau, product.rows, this.#plan.cosine.inputs);
    this.#cosine.forward(parameters, cosines, embedding, product.rows);
  }

  /** values[rows, actions]: a value for each quantile and action of the rows of `observation`. */
  forward(parameters: number, observation: InputRows, draws: IqnDraws, values: number): void {
    const { hidden, streams, product } = this.#activations;
    this.#forwardHidden(parameters, observation, draws);
    this.#head.forward(this.#headParameters, hidden, streams, values, product.rows);
  }

  /**
   * values[groups, actions]: means over the quantiles, of the rows of `observation`. The head is linear, so that the mean
   * is taken before it.
   * @param draws undefined: weights are μ and fractions those of the last {@link embed}
   */
  forwardMeans(parameters: number, observation: InputRows, draws: IqnDraws | undefined, values: number): void {
    const { hidden, meanHidden, streams, product } = this.#activations;
    const { groups, quantiles } = product;
    this.#forwardHidden(parameters, observation, draws);
    this.#kernels.groupMeans(meanHidden, hidden, groups, quantiles, this.#plan.hidden.outputs);
    this.#head.forward(this.#headParameters, meanHidden, streams, values, groups);
  }

  /**
   * Writes the gradients of all parameters, from `upstream.values` and what {@link forward} left for the rows of
   * `observation`.
   * @param upstream its `values` are given, the rest is room to work in
   */
  backward(gradients: number, observation: InputRows, upstream: IqnUpstream): void {
    const { features, cosines, embedding, hidden, product } = this.#activations;
    const { cosine } = this.#plan;
    const { rows, list, columns } = product;
    const biasGradient = gradients + cosine.bias * 4;
    this.#head.backward(
      this.#headParameters,
      gradients,
      hidden,
      upstream.streams,
      upstream.values,
      upstream.hidden,
      rows,
    );
    this.#hidden.backward(gradients, this.#product, hidden, upstream.hidden);
    this.#noise?.head.backward(gradients);
    this.#noise?.hidden.backward(gradients);
    this.#hidden.backwardValues(this.#hiddenParameters, this.#product, upstream.hidden);
    this.#product.backward(upstream.features, biasGradient, features, embedding);
    this.#kernels.sparseWeightGradient(gradients + cosine.weight * 4, list, cosines, rows, columns, cosine.inputs);
    this.#first.backward(gradients, observation, features, upstream.features);
  }

  /** Draws fractions and computes φ where it counts: half the work of {@link embed}. */
  #embedActive(parameters: number, { source, tau }: IqnDraws): void {
    const { features, cosines, embedding, product } = this.#activations;
    const { inputs, outputs, weight, bias } = this.#plan.cosine;
    const { groups, quantiles, rows, active } = product;
    source.uniform(tau, rows);
    this.#kernels.cosineFeatures(cosines, tau, rows, inputs);
    this.#kernels.embedActive(
      embedding,
      cosines,
      parameters + weight * 4,
      parameters + bias * 4,
      features,
      groups,
      quantiles,
      outputs,
      inputs,
      active,
    );
  }

  #drawWeights(parameters: number, source: NoiseSource | undefined): void {
    this.#hiddenParameters = parameters;
    this.#headParameters = parameters;
    if (this.#noise === undefined || source === undefined) return;
    const { hidden, head } = this.#noise;
    hidden.draw(parameters, source);
    head.draw(parameters, source);
    this.#hiddenParameters = hidden.parameters;
    this.#headParameters = head.parameters;
  }

  #forwardHidden(parameters: number, observation: InputRows, draws: IqnDraws | undefined): void {
    const { features, embedding, hidden } = this.#activations;
    this.#first.forward(parameters, observation, features);
    if (draws !== undefined) this.#embedActive(parameters, draws);
    this.#drawWeights(parameters, draws?.source);
    this.#product.forward(features, embedding);
    this.#hidden.forward(this.#hiddenParameters, this.#product, hidden);
  }
}
