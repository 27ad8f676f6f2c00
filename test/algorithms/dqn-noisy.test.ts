import { describe, expect, it } from 'vitest';
import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { RandomStream } from '#marlin/random.js';
import { uniformValues } from '../kernels/reference.js';
import { actingStep } from './acting-step.js';
import { DqnLearner } from './dqn-learner.js';

const [batchSize, size, actionCount] = [6, 5, 4];
const context: AlgorithmContext = {
  agent: {
    id: 'agent-0',
    observation: { size, dtype: 'f32' },
    action: { kind: 'discrete', count: actionCount },
    hasActionMask: true,
  },
  batchSize,
  rate: { trainInterval: 4, gradientSteps: 1, learningStarts: 0 },
};

/** An untrained learner with one observation to act on, and a batch of nothing but it. */
function noisyLearner(settings: Record<string, unknown> = {}) {
  const learner = new DqnLearner(
    { frameStack: 1, hiddenSizes: [8, 8], noise: { kind: 'factorised', sigma: 3 }, ...settings },
    context,
  );
  const { trainer, memory, state, policy } = learner;
  const { observation, nextObservation, action, weight, nextLegal = 0 } = trainer.batch;
  trainer.initialize(RandomStream.named({ seed: 1, role: 'initial-weights' }));
  const rows = uniformValues(batchSize * size, 2);
  learner.fill(observation, rows);
  learner.fill(nextObservation, rows);
  learner.fill(weight, new Float32Array(batchSize).fill(1));
  new Uint8Array(memory.buffer, nextLegal, batchSize * actionCount).fill(1);
  const random = RandomStream.named({ seed: 1, role: 'exploration' });
  const act = (parts: { isGreedy?: boolean; legal?: number; random?: RandomStream } = {}) => {
    const step = actingStep(memory.buffer, action, { parameters: state.parameters, observation, random, ...parts });
    return policy.act(step) ? (step.action[0] ?? Number.NaN) : undefined;
  };
  return { ...learner, act, random, legal: nextLegal };
}

describe.each(['factorised', 'independent'] as const)('noisy DQN: %s', (kind) => {
  const noise = { kind, sigma: 3 };

  it('explores by its noise, which is drawn anew for each action', () => {
    const { act } = noisyLearner({ noise });
    const actions = new Set(Array.from({ length: 200 }, () => act()));
    expect(actions.size).toBe(actionCount);
  });

  it('acts by the means of its weights where the best action is wanted, and draws nothing', () => {
    const { act, random } = noisyLearner({ noise });
    const before = random.state();
    const actions = new Set(Array.from({ length: 50 }, () => act({ isGreedy: true })));
    expect(actions.size).toBe(1);
    expect(random.state()).toEqual(before);
    // The means are those of a network whose σ is 0.
    const still = noisyLearner({ noise: { kind, sigma: 0 } });
    expect(new Set(Array.from({ length: 50 }, () => still.act()))).toEqual(actions);
  });

  it('comes to the same actions from the same stream, whatever was played before', () => {
    const [first, second] = [noisyLearner({ noise }), noisyLearner({ noise })].map(({ act }, before) => {
      for (let count = 0; count < 7 * before; count++) act();
      const random = RandomStream.named({ seed: 5, role: 'exploration' });
      return Array.from({ length: 50 }, () => act({ random }));
    });
    expect(second).toEqual(first);
  });

  it('chooses among legal actions', () => {
    const { act, memory, legal } = noisyLearner({ noise });
    const mask = new Uint8Array(memory.buffer, legal, actionCount);
    mask.set([0, 1, 0, 1]);
    expect(new Set(Array.from({ length: 100 }, () => act({ legal })))).toEqual(new Set([1, 3]));
    mask.fill(0);
    expect(act({ legal })).toBeUndefined();
  });
});

it('a noisy learner draws from the generator in its state, so that one that goes on from there does the same', () => {
  const { trainer, memory, state } = noisyLearner();
  trainer.step();
  const bytes = () => memory.bytes(state.parameters, state.generator + 64 - state.parameters);
  const saved = bytes();
  trainer.step();
  const after = bytes();
  trainer.step();
  new Uint8Array(memory.buffer, state.parameters, saved.length).set(saved);
  trainer.step();
  expect(bytes()).toEqual(after);
});

it('all layers but the first have a σ', () => {
  const names = noisyLearner().network.parameters.map(({ name }) => name);
  expect(names.filter((name) => name.startsWith('s'))).toEqual(['sw2', 'sb2', 'swa', 'swv', 'sba', 'sbv']);
  const alone = noisyLearner({ hiddenSizes: [8], dueling: false }).network.parameters.map(({ name }) => name);
  expect(alone).toEqual(['w1', 'b1', 'wa', 'ba', 'swa', 'sba']);
});
