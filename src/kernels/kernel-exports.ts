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
  /** Puts outputGradient[row] · W[column], W[…, outputs], in place of each listed value of X[rows, …]: its gradient. */
  sparseValueGradient(list: number, outputGradient: number, w: number, rows: number, outputs: number): void;
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
   * @param tdError out [rows]: target − Q(s, a)
   * @param figures out f64 [3]: loss, mean Q(s, a), mean |td|
   * @param q [rows, actions] @param nextSelect [rows, actions]: chooses a′ @param nextValue [rows, actions]: values a′
   * @param action i32 [rows] @param nStepReturn [rows] @param bootstrapDiscount [rows] @param weight [rows]
   * @param nextLegal u8 [rows, actions] or offset 0
   */
  dqnLoss(
    qGradient: number,
    tdError: number,
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
  returnDistributionValues(
    values: number,
    logits: number,
    count: number,
    atoms: number,
    minimum: number,
    step: number,
  ): void;
  /**
   * Projected target distributions, their weighted cross-entropy and its gradient; see `assembly/return-distribution.ts`.
   * @param logitGradient out [rows, actions, atoms] @param crossEntropy out [rows]
   * @param figures out f64 [3]: loss, mean Q(s, a), mean |target's mean − Q(s, a)|
   * @param logits [rows, actions, atoms] @param values [rows, actions]: their means
   * @param nextSelect [rows, actions]: chooses a′ @param nextLogits [rows, actions, atoms]: of the target network
   * @param scratch [2, atoms]; the rest as in {@link dqnLoss} and {@link returnDistributionValues}
   */
  returnDistributionLoss(
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

  /** features[count, columns] = cos(π · i · tau[count]), i = 1 … columns. */
  cosineFeatures(features: number, tau: number, count: number, columns: number): void;
  /**
   * embedding[row, column] = ReLU(cosines[row] · w[column] + bias[column]), rows g · repeats + t, in the columns in which
   * features[g] is not 0; the rest is left alone.
   * @param cosines [groups · repeats, count] @param w [columns, count] @param active room for i32 [columns]
   */
  embedActive(
    embedding: number,
    cosines: number,
    w: number,
    bias: number,
    features: number,
    groups: number,
    repeats: number,
    columns: number,
    count: number,
    active: number,
  ): void;
  /**
   * Lists what is not 0 in the products features[g] · embedding[g · repeats + t], elementwise over the columns, as rows
   * g · repeats + t. `list` has {@link nonZeroListBytes} of [groups · repeats, columns], `active` is i32 [columns].
   */
  listProducts(
    list: number,
    features: number,
    embedding: number,
    groups: number,
    repeats: number,
    columns: number,
    active: number,
  ): void;
  /**
   * Takes gradients of listed products, as `sparseValueGradient` leaves them, on to both factors. The list becomes the
   * gradient of the embedding before its ReLU.
   * @param featureGradient out [groups, columns] @param biasGradient out [columns]: that of the embedding's bias
   */
  productGradient(
    list: number,
    featureGradient: number,
    biasGradient: number,
    features: number,
    embedding: number,
    groups: number,
    repeats: number,
    columns: number,
  ): void;
  /** y[groups, columns] = mean over repeats of x[groups · repeats, columns]. */
  groupMeans(y: number, x: number, groups: number, repeats: number, columns: number): void;
  /**
   * Targets, quantile-Huber loss and its gradient in one pass; see `assembly/quantile-loss.ts`.
   * @param zGradient out [rows, quantiles, actions]: dloss/dz @param target out [rows, quantiles]
   * @param tdError out [rows]: mean target − mean z(s, a) @param figures out f64 [3]: loss, mean z(s, a), mean |td|
   * @param z [rows, quantiles, actions] @param tau [rows, quantiles]: the fractions of z
   * @param nextMean [rows, actions]: chooses a′ @param nextValue [rows, quantiles, actions]: values a′
   * @param action i32 [rows] @param nStepReturn [rows] @param bootstrapDiscount [rows] @param weight [rows]
   * @param nextLegal u8 [rows, actions] or offset 0
   */
  quantileLoss(
    zGradient: number,
    target: number,
    tdError: number,
    figures: number,
    z: number,
    tau: number,
    nextMean: number,
    nextValue: number,
    action: number,
    nStepReturn: number,
    bootstrapDiscount: number,
    weight: number,
    nextLegal: number,
    rows: number,
    quantiles: number,
    actions: number,
  ): void;

  /**
   * Writes the state of a generator, {@link randomStateBytes} at a multiple of 4, from four words that are not all 0.
   * The state alone determines what is drawn; a call may leave some draws unused.
   */
  seedRandom(state: number, word0: number, word1: number, word2: number, word3: number): void;
  /** x[count] from U[0, 1), multiples of 2⁻²⁴. */
  drawUniform(x: number, count: number, state: number): void;
  /** x[count] from the standard normal distribution, |x| < 5.8. */
  drawGaussian(x: number, count: number, state: number): void;
  /** x[count] = sign(x) · √|x|, in place. */
  signedRoots(x: number, count: number): void;
  /** y[rows, columns] = left[rows] · right[columns]. */
  outerProduct(y: number, left: number, right: number, rows: number, columns: number): void;
  /** y[count] = a + b · c, elementwise. */
  multiplyAdd(y: number, a: number, b: number, c: number, count: number): void;
  /** y[count] = a · b, elementwise. */
  multiply(y: number, a: number, b: number, count: number): void;
  /**
   * Generalized advantages of rollouts [rings, turns]: returns = advantage + value; see `assembly/advantages.ts`.
   * @param end u8, a number of `rolloutEnd` @param cutRow i32: place in `cutValue` of the value behind a cut step
   */
  generalizedAdvantages(
    advantage: number,
    returns: number,
    reward: number,
    value: number,
    end: number,
    cutRow: number,
    cutValue: number,
    rings: number,
    turns: number,
    discount: number,
    lambda: number,
  ): void;
  /** x[count] = (x − mean) / (population standard deviation + epsilon) */
  standardize(x: number, count: number, epsilon: number): void;
  /** Writes f64 [1] at `share`: 1 − Var(returns − value) / Var(returns), or 0 where the returns do not vary. */
  explainedVariance(share: number, value: number, returns: number, count: number): void;
  /** Writes 0 … count − 1 to i32 [count] in an order drawn from `generator`: 16 bytes of state, not all zeros. */
  randomOrder(numbers: number, count: number, generator: number): void;

  /**
   * One option of each of several independent choices, whose options follow each other in logits and mask.
   * @returns 0 where the mask leaves some choice no option
   * @param action out i32 [choices] @param logProbability out [1]
   * @param logits [options]; log-probabilities afterwards, −∞ for what is illegal @param legal u8 [options] or offset 0
   * @param counts i32 [choices] @param uniforms f64 [choices], or offset 0 for the likeliest options
   */
  categoricalAct(
    action: number,
    logProbability: number,
    logits: number,
    legal: number,
    counts: number,
    choices: number,
    uniforms: number,
  ): number;
  /**
   * Log-probabilities of actions, and entropies, summed over the choices.
   * @param logProbability out [rows] @param entropy out [rows]
   * @param logits [rows, options]; log-probabilities afterwards @param action i32 [rows, choices]
   * @param legal u8 [rows, options] or offset 0
   */
  categoricalEvaluate(
    logProbability: number,
    entropy: number,
    logits: number,
    action: number,
    legal: number,
    counts: number,
    choices: number,
    rows: number,
  ): void;
  /**
   * @param gradient out [rows, options]: of the logits @param logProbabilities as `categoricalEvaluate` left them
   * @param slope [rows]: dloss/dlog-probability @param entropySlope dloss/dentropy of each row
   */
  categoricalBackward(
    gradient: number,
    logProbabilities: number,
    action: number,
    slope: number,
    entropySlope: number,
    counts: number,
    choices: number,
    rows: number,
  ): void;
  /** The value that a standard normal variable stays below with this probability, to 7 digits. */
  normalQuantile(probability: number): number;
  /**
   * A draw from independent normal distributions.
   * @param action out [size] @param logProbability out [1] @param mean [size] @param logDeviation [size]: log σ
   * @param uniforms f64 [size], or offset 0 for the means
   */
  gaussianAct(
    action: number,
    logProbability: number,
    mean: number,
    logDeviation: number,
    size: number,
    uniforms: number,
  ): void;
  /** logProbability[rows], entropy[rows] of action[rows, size] from mean[rows, size] and logDeviation[size]. */
  gaussianEvaluate(
    logProbability: number,
    entropy: number,
    mean: number,
    logDeviation: number,
    action: number,
    rows: number,
    size: number,
  ): void;
  /** Gradients of mean[rows, size] and logDeviation[size]; `slope` and `entropySlope` as in `categoricalBackward`. */
  gaussianBackward(
    meanGradient: number,
    logDeviationGradient: number,
    mean: number,
    logDeviation: number,
    action: number,
    slope: number,
    entropySlope: number,
    rows: number,
    size: number,
  ): void;

  /**
   * The clipped surrogate loss; see `assembly/policy-loss.ts`.
   * @param slope out [rows]: dloss/dlog-probability
   * @param figures out f64 [4]: loss, mean entropy, approximate KL divergence, share of rows beyond the clip range
   */
  clippedSurrogate(
    slope: number,
    figures: number,
    logProbability: number,
    oldLogProbability: number,
    advantage: number,
    entropy: number,
    rows: number,
    clipRange: number,
  ): void;
  /** f64 loss[1] = ½ · mean squared error of value[rows]; gradient[rows] of `coefficient` times that. */
  valueLoss(gradient: number, loss: number, value: number, returns: number, rows: number, coefficient: number): void;

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

/** Bytes of a generator's state: four words in each of four lanes. */
export const randomStateBytes = 64;

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
