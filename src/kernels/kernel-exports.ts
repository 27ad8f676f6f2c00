/**
 * Everything the kernels compute, implemented in `assembly/`. The interface is integer byte offsets into one memory, so
 * that another implementation can stand behind it. Unless it says otherwise an argument named for a tensor is the byte
 * offset of dense, row-major f32 values, and results come first. No kernel allocates or keeps state; outputs must not
 * overlap inputs. Offsets of i32 and f64 values are multiples of their size; f32 ones of 4 bytes.
 */
export interface KernelExports {
  /** C[m, n] (+)= A[m, k] · B[n, k]ᵀ. Scratch: {@link gemmScratchBytes}; `accumulate` 1 adds to C. */
  gemmNT: Gemm;
  /** C[m, n] (+)= A[m, k] · B[k, n]. */
  gemmNN: Gemm;
  /** C[m, n] (+)= A[k, m]ᵀ · B[k, n]. */
  gemmTN: Gemm;
  /** Y[m, n] = X[m, k] · W[n, k]ᵀ by dot products: faster than {@link gemmNT} up to m = 8, and needs no scratch. */
  smallBatchNT(y: number, x: number, w: number, m: number, n: number, k: number): void;
  /**
   * Lists what is not 0 in x[rows, columns] for the two kernels below, and returns how many values that is, or −1 if
   * more than `limit`. `list` has {@link nonZeroListBytes}.
   */
  listNonZeros(list: number, x: number, rows: number, columns: number, limit: number): number;
  /** y[rows, outputs] = X · W, X as listed, W[inputs, outputs]. */
  sparseForward(y: number, list: number, w: number, rows: number, outputs: number): void;
  /** gradient[inputs, outputs] = Xᵀ · outputGradient[rows, outputs], X as listed. */
  sparseWeightGradient(
    gradient: number,
    list: number,
    outputGradient: number,
    rows: number,
    inputs: number,
    outputs: number,
  ): void;
  /** `iterations` × 24 operations of 4 lanes in registers: the bound that products are measured against. */
  multiplyAddPeak(iterations: number): number;

  /** y[rows, columns] = activation(y + bias[columns]); `activation` is a number of {@link activationNumbers}. */
  biasActivation(y: number, bias: number, rows: number, columns: number, activation: number): void;
  /** gradient[count] *= activation′, computed from the activation's output y[count]. */
  activationBackward(gradient: number, y: number, count: number, activation: number): void;
  /** sums[columns] (+)= Σ over rows of x[rows, columns]. */
  columnSums(sums: number, x: number, rows: number, columns: number, accumulate: number): void;
  /** q[rows, actions, atoms] = V + A − mean(A) over actions, from heads[rows, actions + 1, atoms] = [A₁ … Aₙ, V]. */
  duelingForward(q: number, heads: number, rows: number, actions: number, atoms: number): void;
  /** headGradient[rows, actions + 1, atoms] from qGradient[rows, actions, atoms]. */
  duelingBackward(headGradient: number, qGradient: number, rows: number, actions: number, atoms: number): void;
  /** First index of the largest of x[count] where legal u8 [count] is not 0; offset 0 = all legal; −1 if none is. */
  maskedArgmax(x: number, count: number, legal: number): number;

  /**
   * Targets, weighted Huber loss and its gradient in one pass; see `assembly/dqn-loss.ts`.
   * @param qGradient out [rows, actions]: dloss/dQ
   * @param tdError out [rows]: target − Q(s, a) @param priority out [rows]: its magnitude
   * @param figures out f64 [3]: loss, mean Q(s, a), mean |td|
   * @param q [rows, actions] @param nextSelect [rows, actions]: chooses a′ @param nextValue [rows, actions]: values a′
   * @param action i32 [rows] @param nStepReturn [rows] @param bootstrapDiscount [rows] @param weight [rows]
   * @param nextLegal u8 [rows, actions] or offset 0
   */
  dqnLoss(
    qGradient: number,
    tdError: number,
    priority: number,
    figures: number,
    q: number,
    nextSelect: number,
    nextValue: number,
    action: number,
    nStepReturn: number,
    bootstrapDiscount: number,
    weight: number,
    nextLegal: number,
    rows: number,
    actions: number,
    delta: number,
  ): void;
  /** values[count] = means of the distributions with logits[count, atoms] over returns `step` apart from `minimum` on. */
  categoricalValues(values: number, logits: number, count: number, atoms: number, minimum: number, step: number): void;
  /**
   * Projected target distributions, their weighted cross-entropy and its gradient; see `assembly/categorical.ts`.
   * @param logitGradient out [rows, actions, atoms] @param crossEntropy out [rows]
   * @param figures out f64 [3]: loss, mean Q(s, a), mean |target's mean − Q(s, a)|
   * @param logits [rows, actions, atoms] @param values [rows, actions]: their means
   * @param nextSelect [rows, actions]: chooses a′ @param nextLogits [rows, actions, atoms]: of the target network
   * @param scratch [2, atoms]; the rest as in {@link dqnLoss} and {@link categoricalValues}
   */
  categoricalLoss(
    logitGradient: number,
    crossEntropy: number,
    figures: number,
    logits: number,
    values: number,
    nextSelect: number,
    nextLogits: number,
    action: number,
    nStepReturn: number,
    bootstrapDiscount: number,
    weight: number,
    nextLegal: number,
    rows: number,
    actions: number,
    atoms: number,
    minimum: number,
    step: number,
    scratch: number,
  ): void;

  /** leaves[count] = (|errors| + floor)^exponent */
  priorityLeaves(leaves: number, errors: number, count: number, floor: number, exponent: number): void;
  /** weights[count] = (smallest leaf / leaf)^correction */
  importanceWeights(weights: number, leaves: number, count: number, correction: number): void;

  /**
   * Takes `rows` vectors x[size], `stride` bytes apart, into running moments: f64 count [1], mean [size], sum of squared
   * deviations [size].
   */
  absorbMoments(moments: number, x: number, stride: number, rows: number, size: number): void;
  /** f32 mean [size] and 1 ÷ deviation [size] of such moments; 0 and 1 before anything was taken in. */
  settleMoments(mean: number, inverse: number, moments: number, size: number, varianceFloor: number): void;
  /** to[rows, repeats, size] = clamp((x − mean[size]) · inverse[size], ±bound); `to` may be x. */
  normalizeRows(
    to: number,
    x: number,
    rows: number,
    repeats: number,
    size: number,
    mean: number,
    inverse: number,
    bound: number,
  ): void;
  /** x[count] *= factor */
  scaleValues(x: number, count: number, factor: number): void;

  /** Σ x[count]² as f64; NaN or infinite if a value is. */
  sumOfSquares(x: number, count: number): number;
  /**
   * One Adam step on `count` floats with gradients × `scale`.
   * @param stepSize learning rate / (1 − β₁ᵗ) @param secondCorrection 1 / √(1 − β₂ᵗ)
   */
  adamStep(
    parameters: number,
    gradients: number,
    firstMoment: number,
    secondMoment: number,
    count: number,
    scale: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    stepSize: number,
    secondCorrection: number,
  ): void;
  /** target[count] += τ · (source − target) */
  softUpdate(target: number, source: number, count: number, tau: number): void;
  /** Copies `bytes`; the ranges may overlap. */
  copyBytes(destination: number, source: number, bytes: number): void;
  /** Sets `bytes` bytes to `value`, 0–255. */
  fillBytes(destination: number, value: number, bytes: number): void;

  /**
   * destination[i] = source[positions[i]] for i < count: rows of `rowBytes` bytes, written one after another.
   * `positions` is i32 [count], numbers of rows in `source`; a negative one writes a row of zeros.
   */
  gatherRows(destination: number, source: number, rowBytes: number, positions: number, count: number): void;
  /** The same from u8 rows of `size` values to f32 rows, times `scale`. */
  gatherRowsU8ToF32: GatherScaled;
  /** The same from f32 rows of `size` values to f32 rows, times `scale`. */
  gatherRowsF32: GatherScaled;
  /** stack[frames, size], oldest frame first: drops the oldest, appends scale · observation, u8 [size]. */
  pushFrameU8: PushFrame;
  /** The same for an observation in f32 [size]. */
  pushFrameF32: PushFrame;

  /** sin(x), f64, x in radians: to 0.8 units in the last place for |x| < 1.6e6, to 3 beyond. */
  sine(x: number): number;
  /** cos(x), likewise. */
  cosine(x: number): number;
}

type Gemm = (
  c: number,
  a: number,
  b: number,
  m: number,
  n: number,
  k: number,
  accumulate: number,
  scratch: number,
) => void;

type GatherScaled = (
  destination: number,
  source: number,
  size: number,
  positions: number,
  count: number,
  scale: number,
) => void;

type PushFrame = (stack: number, observation: number, frames: number, size: number, scale: number) => void;

/** What the kernels call the activations. */
export const activationNumbers = { none: 0, relu: 1, tanh: 2 } as const;
export type Activation = keyof typeof activationNumbers;

/** Floating-point operations of one iteration of `multiplyAddPeak`. */
export const peakOperations = 24 * 4;

// The sizes of assembly/gemm.ts.
const panelColumns = 8;
const blockDepth = 256;
const blockRows = 32;
const spillBytes = 32;

/** Bytes of scratch memory for a product whose result has n columns and whose inner dimension is k. */
export function gemmScratchBytes(n: number, k: number): number {
  const panels = Math.ceil(n / panelColumns);
  return spillBytes + blockRows * blockDepth * 4 + panels * panelColumns * Math.min(k, blockDepth) * 4;
}

/** Bytes of a list of at most `limit` non-zeros in a matrix of this size; the last row may run over before it is seen. */
export function nonZeroListBytes(rows: number, columns: number, limit: number): number {
  return (rows + 2) * 4 + (limit + columns) * 8;
}
