// Everything the module exports. No kernel keeps state of its own: instances in several threads share one memory.
export { activationBackward, biasActivation } from './activation';
export { explainedVariance, generalizedAdvantages, standardize } from './advantages';
export { maskedArgmax } from './argmax';
export { categoricalAct, categoricalBackward, categoricalEvaluate } from './categorical';
export { dqnLoss } from './dqn-loss';
export { duelingBackward, duelingForward } from './dueling';
export { gatherRows, gatherRowsF32, gatherRowsU8ToF32, pushFrameF32, pushFrameU8 } from './gather';
export { gaussianAct, gaussianBackward, gaussianEvaluate, normalQuantile } from './gaussian';
export { gemmNN, gemmNT, gemmTN } from './gemm';
export { absorbMoments, normalizeRows, scaleValues, settleMoments } from './normalization';
export { adamStep, copyBytes, fillBytes, softUpdate } from './optimizer';
export { multiplyAddPeak } from './peak';
export { randomOrder } from './permutation';
export { clippedSurrogate, valueLoss } from './policy-loss';
export { columnSums, sumOfSquares } from './reduction';
export { smallBatchNT } from './small-batch';
export { listNonZeros, sparseForward, sparseWeightGradient } from './sparse';
export { cosine, sine } from './trigonometry';
