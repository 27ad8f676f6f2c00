// Everything the module exports. No kernel keeps state of its own: instances in several threads share one memory.
export { activationBackward, biasActivation } from './activation';
export { maskedArgmax } from './argmax';
export { dqnLoss } from './dqn-loss';
export { duelingBackward, duelingForward } from './dueling';
export { gatherRows, gatherRowsF32, gatherRowsU8ToF32, pushFrameF32, pushFrameU8 } from './gather';
export { gemmNN, gemmNT, gemmTN } from './gemm';
export { multiply, multiplyAdd, outerProduct, signedRoots } from './noise';
export { adamStep, copyBytes, fillBytes, softUpdate } from './optimizer';
export { multiplyAddPeak } from './peak';
export { cosineFeatures, groupMeans, listProducts, productGradient } from './quantile-embedding';
export { quantileLoss } from './quantile-loss';
export { drawGaussian, drawUniform, seedRandom } from './random';
export { columnSums, sumOfSquares } from './reduction';
export { smallBatchNT } from './small-batch';
export { listNonZeros, sparseForward, sparseValueGradient, sparseWeightGradient } from './sparse';
