import type { Preset } from './algorithm.js';

/** Treasurehunt as in the framework that its rules come from (Sorrel, arXiv 2506.00228). */
export const sourcePreset: Preset = {
  summary: "treasurehunt's model and schedule in the source: 250 wide, one training step per epoch of 100 turns",
  settings: {
    hiddenSizes: [250, 250],
    quantiles: 12,
    cosines: 64,
    noise: { kind: 'independent', sigma: 0.017 },
    frameStack: 5,
    discount: 0.99,
    nStep: 3,
    learningRate: 2.5e-4,
    maxGradNorm: 1,
    targetUpdate: { kind: 'soft', tau: 0.001, copyEvery: 200 },
    epsilon: { kind: 'decay', start: 0.6, end: 0.01, factor: 0.9995, unit: 'epochs' },
  },
  parallel: {
    trainInterval: 100,
    gradientSteps: 1,
    learningStarts: 0,
    publishInterval: 1,
    // The source trains between epochs; here the next one may be played meanwhile.
    maxTrainingLag: 1,
    batchSize: 64,
    bufferCapacity: 1024,
  },
};
