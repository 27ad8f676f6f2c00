import * as v from 'valibot';
import { iqn } from '#marlin/algorithms/iqn.js';
import { Layout } from '#marlin/buffer/layout.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import { NoiseGenerator, planNoiseGenerator } from '#marlin/network/noise-source.js';
import { NoisyWeights, planNoisyWeightsWorkspace } from '#marlin/network/noisy-weights.js';
import type { NoiseKind } from '#marlin/network/noisy-weights.js';
import { planIqnNetwork } from '#marlin/algorithms/iqn-network.js';
import { RandomStream } from '#marlin/random.js';
import type { Bench, BenchResult } from './bench.js';
import { actionCount, makeLearnerSubject } from './learner-subject.js';
import { startPyTorch } from './pytorch.js';
import { makeTensorFlowIqn } from './tensorflow-iqn.js';
import { startTensorFlow } from './tensorflow.js';
import { Times } from './times.js';

// The plan's size: five one-hot frames of treasurehunt, 250 wide.
const observationSize = 150;
const frameStack = 5;
const sizes = { inputs: observationSize * frameStack, width: 250, quantiles: 12, cosines: 64 };
const density = 0.05;

function makeSubject(kind: NoiseKind) {
  const configuration = v.parse(iqn.schema, {
    ...iqn.presets.source.settings,
    noise: { kind },
    targetUpdate: { kind: 'soft', tau: 0.001 },
  });
  return makeLearnerSubject(iqn, configuration, observationSize, density);
}

/** All that a training step does for noise: three draws with their weights, and one gradient of σ. */
function makeNoise(kind: NoiseKind): () => void {
  const { inputs, width, cosines } = sizes;
  const plan = planIqnNetwork({
    observationSize: inputs,
    hiddenSizes: [width, width],
    cosines,
    actionCount,
    noise: { kind, sigma: 0.017 },
  });
  const layout = new Layout(firstFreeByte);
  const parameters = layout.reserve(plan.parameterCount * 4);
  const gradients = layout.reserve(plan.parameterCount * 4);
  const state = planNoiseGenerator(layout);
  const plans = plan.noise === undefined ? [] : [plan.noise.hidden, plan.noise.head];
  const workspaces = plans.map((layer) => planNoisyWeightsWorkspace(layout, layer));
  const kernels = instantiateKernels(kernelModule(), createKernelMemory(layout.end));
  const layers = plans.map((layer, index) => new NoisyWeights(layer, workspaces[index], kernels));
  const generator = new NoiseGenerator(kernels, state);
  generator.initialize(RandomStream.named({ seed: 1, role: 'bench' }));
  return () => {
    for (const layer of layers) {
      for (let pass = 0; pass < 3; pass++) layer.draw(parameters, generator);
      layer.backward(gradients);
    }
  };
}

async function run(): Promise<BenchResult[]> {
  await startTensorFlow();
  const factorised = makeSubject('factorised');
  const independent = makeSubject('independent');
  const tensorFlow = makeTensorFlowIqn(sizes, factorised.batches);
  const pyTorch = await startPyTorch('pytorch_iqn.py', sizes);
  const ours = {
    factorised: { calls: 10, call: factorised.step },
    independent: { calls: 10, call: independent.step },
    factorisedNoise: { calls: 100, call: makeNoise('factorised') },
    independentNoise: { calls: 20, call: makeNoise('independent') },
    act: { calls: 1_000, call: factorised.act },
    tensorFlow: { calls: 1, call: tensorFlow.step },
    tensorFlowByHand: { calls: 2, call: tensorFlow.stepByHand },
    tensorFlowAct: { calls: 50, call: tensorFlow.act },
  };
  const what = 'IQN 750-250-250, one-hot input';
  if (pyTorch === undefined) return report(what, await Times.of(ours));
  const times = await Times.of({
    ...ours,
    pyTorchFactorised: { secondsPerCall: async () => pyTorch.secondsPerCall('step factorised 10') },
    pyTorchIndependent: { secondsPerCall: async () => pyTorch.secondsPerCall('step independent 10') },
    pyTorchAct: { secondsPerCall: async () => pyTorch.secondsPerCall('act 500') },
  });
  pyTorch.close();
  const name = `PyTorch ${pyTorch.version}, one thread`;
  return [
    ...report(what, times),
    { what: `${name}: training step, factorised`, ...times.microseconds('pyTorchFactorised'), unit: 'µs' },
    {
      what: 'training step, factorised: time over PyTorch',
      ...times.rate('pyTorchFactorised', 'factorised'),
      unit: '×',
      bound: '≤ 1.15',
    },
    { what: `${name}: training step, independent`, ...times.microseconds('pyTorchIndependent'), unit: 'µs' },
    {
      what: 'training step, independent: time over PyTorch',
      ...times.rate('pyTorchIndependent', 'independent'),
      unit: '×',
      bound: '≤ 1.15',
    },
    { what: `${name}: action`, ...times.microseconds('pyTorchAct'), unit: 'µs' },
    { what: 'action: time over PyTorch', ...times.rate('pyTorchAct', 'act'), unit: '×', bound: '≤ 1' },
  ];
}

type OurName =
  | 'factorised'
  | 'independent'
  | 'factorisedNoise'
  | 'independentNoise'
  | 'act'
  | 'tensorFlow'
  | 'tensorFlowByHand'
  | 'tensorFlowAct';

function report(what: string, times: Times<OurName>): BenchResult[] {
  const kinds = ['factorised', 'independent'] as const;
  return [
    ...kinds.flatMap((kind) => [
      { what: `${what}: training step, ${kind} noise`, ...times.microseconds(kind), unit: 'µs' },
      { what: `share of noise, ${kind}`, ...times.rate(kind, `${kind}Noise`), unit: '×', bound: '≤ 0.10' },
    ]),
    {
      what: 'training step, factorised: against TensorFlow.js wasm',
      ...times.rate('factorised', 'tensorFlow'),
      unit: '×',
      bound: '≥ 8',
    },
    {
      what: 'training step, factorised: … with gradients by hand',
      ...times.rate('factorised', 'tensorFlowByHand'),
      unit: '×',
    },
    { what: 'TensorFlow.js wasm: training step', ...times.microseconds('tensorFlow'), unit: 'µs' },
    { what: 'TensorFlow.js wasm: … with gradients by hand', ...times.microseconds('tensorFlowByHand'), unit: 'µs' },
    { what: `${what}: action, batch 1`, ...times.microseconds('act'), unit: 'µs' },
    { what: 'action: against TensorFlow.js wasm', ...times.rate('act', 'tensorFlowAct'), unit: '×' },
  ];
}

export const bench: Bench = { name: 'iqn', run };
