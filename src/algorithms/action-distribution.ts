import type { Layout } from '../buffer/layout.js';
import { actionMaskSize, actionSize, choiceCounts } from '../environment/action-space.js';
import type { ActionSpace } from '../environment/environment.js';
import type { Kernels } from '../kernels/kernels.js';
import type { ParameterLayout } from '../network/parameter-layout.js';
import type { ActingStep } from './algorithm.js';

// What the outputs of a policy network say about actions: logits of one or several choices, or the means of normal
// distributions. Log-probabilities and entropies of several choices or numbers are sums.

/** Sizes of a distribution over a space, and where its own parameters lie. Plain data. */
export interface DistributionPlan {
  readonly space: ActionSpace;
  /** Values that the network gives for each row. */
  readonly outputs: number;
  /** Position in floats of log σ, f32 [size]: one for each number of a box, whatever the observation. */
  readonly logStd: number | undefined;
}

/** Reserves `logStd` where the actions are a box. */
export function planDistribution(layout: ParameterLayout, space: ActionSpace): DistributionPlan {
  if (space.kind !== 'box') return { space, outputs: actionMaskSize(space), logStd: undefined };
  return { space, outputs: space.size, logStd: layout.reserve('logStd', [space.size]) };
}

/** Byte offsets of what a distribution keeps in scratch memory. */
export interface DistributionWorkspace {
  /** i32 [choices]: options of each. */
  readonly counts: number;
  /** f64 [action size] */
  readonly uniforms: number;
  /** f32 [1] */
  readonly logProbability: number;
}

export function planDistributionWorkspace(layout: Layout, { space }: DistributionPlan): DistributionWorkspace {
  return {
    counts: layout.reserve(choiceCounts(space).length * 4),
    uniforms: layout.reserve(actionSize(space) * 8),
    logProbability: layout.reserve(4),
  };
}

/** Byte offsets of a batch of actions and of what a distribution computes for them. */
export interface EvaluatedActions {
  /** f32 [rows, outputs] of the network; `evaluate` may change them, and `backward` takes them as it left them. */
  readonly outputs: number;
  /** i32 or (box) f32 [rows, action size] */
  readonly action: number;
  /** u8 [rows, mask size] */
  readonly legal: number | undefined;
  /** f32 [rows] */
  readonly logProbability: number;
  /** f32 [rows] */
  readonly entropy: number;
}

/** A distribution over actions; `parameters` is the byte offset of the block that holds `logStd`. Allocates nothing. */
export interface ActionDistribution {
  /** Chooses from one row of `outputs`; false where the mask leaves no action. Leaves the log-probability in `noted`. */
  act(parameters: number, outputs: number, step: ActingStep): boolean;
  /** f32 [1]: log-probability of the last action. */
  readonly noted: Float32Array;
  /** Fills log-probability and entropy of each row. */
  evaluate(parameters: number, actions: EvaluatedActions, rows: number): void;
  /**
   * Gradients of the outputs, and of `logStd` in the block at `gradients`.
   * @param slope byte offset of f32 [rows]: dloss/dlog-probability
   * @param entropySlope dloss/dentropy of each row
   */
  backward(
    parameters: number,
    gradients: number,
    actions: EvaluatedActions,
    slope: number,
    entropySlope: number,
    outputGradient: number,
    rows: number,
  ): void;
}

export function createDistribution(
  plan: DistributionPlan,
  workspace: DistributionWorkspace,
  kernels: Kernels,
): ActionDistribution {
  const { space, logStd } = plan;
  return logStd === undefined
    ? new Categorical(space, workspace, kernels)
    : new DiagonalGaussian(plan.outputs, logStd, workspace, kernels);
}

/** One or several independent choices. */
class Categorical implements ActionDistribution {
  readonly noted: Float32Array;
  readonly #choices: number;
  readonly #workspace: DistributionWorkspace;
  readonly #uniforms: Float64Array;
  readonly #kernels: Kernels;

  constructor(space: ActionSpace, workspace: DistributionWorkspace, kernels: Kernels) {
    const { buffer } = kernels.memory;
    const counts = choiceCounts(space);
    new Int32Array(buffer, workspace.counts, counts.length).set(counts);
    this.noted = new Float32Array(buffer, workspace.logProbability, 1);
    this.#choices = counts.length;
    this.#workspace = workspace;
    this.#uniforms = new Float64Array(buffer, workspace.uniforms, counts.length);
    this.#kernels = kernels;
  }

  act(_: number, outputs: number, { actionOffset, legal, isGreedy, random }: ActingStep): boolean {
    const { counts, uniforms, logProbability } = this.#workspace;
    const draws = isGreedy ? 0 : this.#choices;
    for (let choice = 0; choice < draws; choice++) this.#uniforms[choice] = random.uniform();
    const isChosen = this.#kernels.categoricalAct(
      actionOffset,
      logProbability,
      outputs,
      legal ?? 0,
      counts,
      this.#choices,
      isGreedy ? 0 : uniforms,
    );
    return isChosen !== 0;
  }

  evaluate(_: number, { outputs, action, legal, logProbability, entropy }: EvaluatedActions, rows: number): void {
    const { counts } = this.#workspace;
    this.#kernels.categoricalEvaluate(
      logProbability,
      entropy,
      outputs,
      action,
      legal ?? 0,
      counts,
      this.#choices,
      rows,
    );
  }

  backward(
    _: number,
    __: number,
    { outputs, action }: EvaluatedActions,
    slope: number,
    entropySlope: number,
    outputGradient: number,
    rows: number,
  ): void {
    const { counts } = this.#workspace;
    this.#kernels.categoricalBackward(
      outputGradient,
      outputs,
      action,
      slope,
      entropySlope,
      counts,
      this.#choices,
      rows,
    );
  }
}

/** Normal distributions, one for each number. Draws are not bounded: whoever hands an action on clips it. */
class DiagonalGaussian implements ActionDistribution {
  readonly noted: Float32Array;
  readonly #size: number;
  /** Bytes from the begin of the block. */
  readonly #logStd: number;
  readonly #workspace: DistributionWorkspace;
  readonly #uniforms: Float64Array;
  readonly #kernels: Kernels;

  constructor(size: number, logStd: number, workspace: DistributionWorkspace, kernels: Kernels) {
    const { buffer } = kernels.memory;
    this.noted = new Float32Array(buffer, workspace.logProbability, 1);
    this.#size = size;
    this.#logStd = logStd * 4;
    this.#workspace = workspace;
    this.#uniforms = new Float64Array(buffer, workspace.uniforms, size);
    this.#kernels = kernels;
  }

  act(parameters: number, outputs: number, { actionOffset, isGreedy, random }: ActingStep): boolean {
    const { uniforms, logProbability } = this.#workspace;
    const draws = isGreedy ? 0 : this.#size;
    for (let index = 0; index < draws; index++) this.#uniforms[index] = random.uniformPrecise();
    this.#kernels.gaussianAct(
      actionOffset,
      logProbability,
      outputs,
      parameters + this.#logStd,
      this.#size,
      isGreedy ? 0 : uniforms,
    );
    return true;
  }

  evaluate(parameters: number, { outputs, action, logProbability, entropy }: EvaluatedActions, rows: number): void {
    const logStd = parameters + this.#logStd;
    this.#kernels.gaussianEvaluate(logProbability, entropy, outputs, logStd, action, rows, this.#size);
  }

  backward(
    parameters: number,
    gradients: number,
    { outputs, action }: EvaluatedActions,
    slope: number,
    entropySlope: number,
    outputGradient: number,
    rows: number,
  ): void {
    this.#kernels.gaussianBackward(
      outputGradient,
      gradients + this.#logStd,
      outputs,
      parameters + this.#logStd,
      action,
      slope,
      entropySlope,
      rows,
      this.#size,
    );
  }
}
