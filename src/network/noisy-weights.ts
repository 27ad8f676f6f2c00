import type { Layout } from '../buffer/layout.js';
import type { Kernels } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';
import { initializeLinear } from './initialization.js';
import type { LinearPlan } from './linear.js';
import type { NoiseSource } from './noise-source.js';
import type { ParameterLayout } from './parameter-layout.js';

/**
 * Where ε comes from (Fortunato et al. 2018, arXiv 1706.10295). `factorised`: ε[o, i] = f(eₒ) f(eᵢ) with
 * f(x) = sign(x)√|x|, one e per output and input; `independent`: one ε per weight.
 */
export type NoiseKind = 'factorised' | 'independent';

export interface NoiseSettings {
  readonly kind: NoiseKind;
  /** σ before training; with factorised noise divided by √inputs. */
  readonly sigma: number;
}

/** Sizes and places of a layer's σ. Plain data. */
export interface NoisyWeightsPlan {
  readonly settings: NoiseSettings;
  /** The layer whose own weights and biases are μ; they follow each other without a gap. */
  readonly layer: LinearPlan;
  /** Position of σ in the parameter block, in the order of the layer's weights and biases. */
  readonly sigma: number;
  /** Weights and biases. */
  readonly count: number;
  /** Layers that lie side by side in `layer`, each with factors of its own: their outputs. */
  readonly streams: readonly number[];
  /** Whether the weights of one input, not of one output, are neighbours. */
  readonly isColumnMajor: boolean;
}

/** Reserves a σ for each tensor of `layer`, under its name with `s` before it: `swf` for `wf`. */
export function planNoisyWeights(
  layout: ParameterLayout,
  layer: LinearPlan,
  settings: NoiseSettings,
): NoisyWeightsPlan {
  const { inputs, outputs, weight } = layer;
  const count = (inputs + 1) * outputs;
  const tensors = layout.tensors.filter(({ offset }) => offset >= weight && offset < weight + count);
  const [sigma] = tensors.map(({ name, shape, storage }) => layout.reserve(`s${name}`, shape, storage));
  const streams = tensors.filter(({ shape }) => shape.length === 2).map(({ shape }) => shape[0]);
  return { settings, layer, sigma, count, streams, isColumnMajor: tensors[0].storage === 'column-major' };
}

/** Byte offsets into scratch memory. */
export interface NoisyWeightsWorkspace {
  /** f32 [count] */
  readonly epsilon: number;
  /** f32 [count]: μ + σ·ε */
  readonly weights: number;
  /** f32: the e of all outputs, then those of the inputs of each stream. Factorised noise alone needs them. */
  readonly factors: number;
}

export function planNoisyWeightsWorkspace(layout: Layout, plan: NoisyWeightsPlan): NoisyWeightsWorkspace {
  return {
    epsilon: layout.reserve(plan.count * 4),
    weights: layout.reserve(plan.count * 4),
    factors: layout.reserve(factorCount(plan) * 4),
  };
}

function factorCount({ layer, streams }: NoisyWeightsPlan): number {
  return layer.outputs + layer.inputs * streams.length;
}

/**
 * The weights μ + σ·ε of a noisy layer. Layers hold no parameters but are told where theirs lie, so a noisy one is a
 * layer that is told of these: after {@link draw}, pass {@link parameters} to its `forward` and `backward`; after
 * `backward`, {@link backward} adds the gradients of σ.
 */
export class NoisyWeights {
  readonly #plan: NoisyWeightsPlan;
  readonly #workspace: NoisyWeightsWorkspace;
  readonly #kernels: Kernels;

  constructor(plan: NoisyWeightsPlan, workspace: NoisyWeightsWorkspace, kernels: Kernels) {
    this.#plan = plan;
    this.#workspace = workspace;
    this.#kernels = kernels;
  }

  /** Where a parameter block would begin whose part for this layer are the noisy weights. Only that part exists. */
  get parameters(): number {
    return this.#workspace.weights - this.#plan.layer.weight * 4;
  }

  /** As the paper does (section 3.2). */
  initialize(block: Float32Array, random: RandomStream): void {
    const { layer, settings, sigma, count } = this.#plan;
    const isFactorised = settings.kind === 'factorised';
    const root = Math.sqrt(layer.inputs);
    initializeLinear(layer, block, random, (isFactorised ? 1 : Math.sqrt(3)) / root);
    block.fill(isFactorised ? settings.sigma / root : settings.sigma, sigma, sigma + count);
  }

  /** Draws ε and computes the weights from the block at byte `parameters`. */
  draw(parameters: number, source: NoiseSource): void {
    const { layer, settings, sigma, count } = this.#plan;
    const { epsilon, weights } = this.#workspace;
    if (settings.kind === 'independent') source.gaussian(epsilon, count);
    else this.#drawFactors(source);
    this.#kernels.multiplyAdd(weights, parameters + layer.weight * 4, parameters + sigma * 4, epsilon, count);
  }

  #drawFactors(source: NoiseSource): void {
    const { layer, streams, isColumnMajor } = this.#plan;
    const { epsilon, factors } = this.#workspace;
    const { inputs, outputs } = layer;
    const kernels = this.#kernels;
    const count = factorCount(this.#plan);
    source.gaussian(factors, count);
    kernels.signedRoots(factors, count);
    kernels.copyBytes(epsilon + inputs * outputs * 4, factors, outputs * 4);
    let ofOutputs = factors;
    let ofInputs = factors + outputs * 4;
    let to = epsilon;
    for (let stream = 0; stream < streams.length; stream++) {
      const size = streams[stream];
      if (isColumnMajor) kernels.outerProduct(to, ofInputs, ofOutputs, inputs, size);
      else kernels.outerProduct(to, ofOutputs, ofInputs, size, inputs);
      ofOutputs += size * 4;
      ofInputs += inputs * 4;
      to += size * inputs * 4;
    }
  }

  /** Writes the gradients of σ, those of μ times ε, into the block at `gradients`. */
  backward(gradients: number): void {
    const { layer, sigma, count } = this.#plan;
    this.#kernels.multiply(gradients + sigma * 4, gradients + layer.weight * 4, this.#workspace.epsilon, count);
  }
}
