import type { Layout } from '../buffer/layout.js';
import type { Kernels } from '../kernels/kernels.js';

/** Settings of Adam. */
export interface AdamSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Gradients are scaled by min(1, maxGradNorm / (‖g‖₂ + 1e-6)), the norm taken over all parameters. */
  readonly maxGradNorm: number;
}

/** Where the optimizer's own state lies: byte offsets into learner state. */
export interface AdamPlan {
  readonly count: number;
  /** f32 [count] */
  readonly firstMoment: number;
  /** f32 [count] */
  readonly secondMoment: number;
  /** f64 [2]: β₁ᵗ and β₂ᵗ as running products, so that no engine's `pow` enters the result. */
  readonly powers: number;
}

export function planAdam(layout: Layout, count: number): AdamPlan {
  return {
    count,
    firstMoment: layout.reserve(count * 4),
    secondMoment: layout.reserve(count * 4),
    powers: layout.reserve(2 * 8),
  };
}

/** Keeps the division finite when all gradients are 0; PyTorch's `clip_grad_norm_` has the same. */
const normFloor = 1e-6;

/**
 * Adam (Kingma & Ba 2015, arXiv 1412.6980) with clipping by the global norm, over one parameter block. Numbers that
 * change go through typed arrays, not through arguments and results: where the engine does not inline a call, those
 * would be objects on the heap.
 */
export class Adam {
  readonly #plan: AdamPlan;
  readonly #kernels: Kernels;
  readonly #settings: AdamSettings;
  readonly #powers: Float64Array;
  /** One value: ‖gradients‖₂ as {@link measureNorm} found it; NaN or infinite if a gradient is. */
  readonly norm = new Float64Array(1);
  /** One value, which a schedule may change between steps. */
  readonly learningRate: Float64Array;

  constructor(plan: AdamPlan, kernels: Kernels, settings: AdamSettings) {
    this.#plan = plan;
    this.#kernels = kernels;
    this.#settings = settings;
    this.learningRate = Float64Array.of(settings.learningRate);
    this.#powers = new Float64Array(kernels.memory.buffer, plan.powers, 2);
  }

  /** Forgets all steps. */
  initialize(): void {
    const { count, firstMoment, secondMoment } = this.#plan;
    this.#kernels.fillBytes(firstMoment, 0, count * 4);
    this.#kernels.fillBytes(secondMoment, 0, count * 4);
    this.#powers.fill(1);
  }

  /** Sets {@link norm}. */
  measureNorm(gradients: number): void {
    this.norm[0] = Math.sqrt(this.#kernels.sumOfSquares(gradients, this.#plan.count));
  }

  /** Updates the block at byte `parameters` by gradients whose norm has been measured. */
  step(parameters: number, gradients: number): void {
    const { beta1, beta2, epsilon, maxGradNorm } = this.#settings;
    const norm = this.norm[0];
    const learningRate = this.learningRate[0];
    const powers = this.#powers;
    const power1 = powers[0] * beta1;
    const power2 = powers[1] * beta2;
    powers[0] = power1;
    powers[1] = power2;
    this.#kernels.adamStep(
      parameters,
      gradients,
      this.#plan.firstMoment,
      this.#plan.secondMoment,
      this.#plan.count,
      Math.min(1, maxGradNorm / (norm + normFloor)),
      beta1,
      beta2,
      epsilon,
      learningRate / (1 - power1),
      1 / Math.sqrt(1 - power2),
    );
  }
}
