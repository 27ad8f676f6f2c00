import { describe, expect, it } from 'vitest';
import type { AlgorithmContext } from '#marlin/algorithms/algorithm.js';
import { RandomStream } from '#marlin/random.js';
import { differenceOf } from '../kernels/difference.js';
import { numericalGradient, uniformStream, uniformValues } from '../kernels/reference.js';
import { actingStep } from './acting-step.js';
import { DqnLearner } from './dqn-learner.js';

const [batchSize, size, actionCount, atoms] = [6, 5, 3, 7];
const distribution = { kind: 'categorical', atoms, minimum: -3, maximum: 3 };
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

/** An untrained learner with a random batch. */
function learnerWithBatch(settings: Record<string, unknown> = {}, seed = 1): DqnLearner {
  const learner = new DqnLearner({ frameStack: 1, hiddenSizes: [8], distribution, ...settings }, context);
  const { trainer, memory } = learner;
  const { batch } = trainer;
  trainer.initialize(RandomStream.named({ seed, role: 'initial-weights' }));
  const uniform = uniformStream(seed);
  learner.fill(batch.observation, uniformValues(batchSize * size, seed));
  learner.fill(batch.nextObservation, uniformValues(batchSize * size, seed + 1));
  learner.fillWords(
    learner.trainer.batch.action,
    Int32Array.from({ length: batchSize }, () => Math.floor(uniform() * actionCount)),
  );
  learner.fill(batch.nStepReturn, uniformValues(batchSize, seed + 2));
  learner.fill(
    batch.bootstrapDiscount,
    Float32Array.from({ length: batchSize }, () => (uniform() < 0.3 ? 0 : 0.7)),
  );
  learner.fill(
    batch.weight,
    Float32Array.from({ length: batchSize }, () => 0.5 + uniform() / 2),
  );
  new Uint8Array(memory.buffer, batch.nextLegal, batchSize * actionCount).fill(1);
  return learner;
}

describe.each([
  { dueling: true, doubleQ: true },
  { dueling: false, doubleQ: true },
  { dueling: true, doubleQ: false },
])('a distributional DQN, %o', (settings) => {
  it('has in its head the gradients of its loss', () => {
    // No step changes anything: the loss can then be asked for at parameters of the test's choice.
    const still = { learningRate: 1e-30, targetUpdate: { kind: 'hard', every: 1e9 } };
    const learner = learnerWithBatch({ ...settings, ...still });
    const { trainer, state, workspace, network } = learner;
    trainer.step();
    // What lies behind the last ReLU, in which the loss has no kinks.
    const first = network.head.linear.weight;
    const gradients = learner.block(workspace.gradients).slice(first);
    const block = learner.block(state.parameters).subarray(first);
    const parameters = Float64Array.from(block);
    const loss = () => {
      block.set(parameters);
      trainer.step();
      return trainer.metrics[0] ?? Number.NaN;
    };
    const numerical = numericalGradient(parameters, loss, 2e-3);
    expect(differenceOf(gradients, numerical, { relative: 1e-2, absolute: 1e-4 })).toBeUndefined();
  });
});

describe('a distributional DQN', () => {
  it('names the tensors of its atoms', () => {
    const shapes = learnerWithBatch().network.parameters.map(({ name, shape }) => [name, shape]);
    expect(shapes.slice(2)).toEqual([
      ['wa', [actionCount * atoms, 8]],
      ['wv', [atoms, 8]],
      ['ba', [actionCount * atoms]],
      ['bv', [atoms]],
    ]);
  });

  it('learns the distribution that rewards have, not only its mean', () => {
    const learner = learnerWithBatch({ learningRate: 3e-2 });
    const { trainer, workspace, memory } = learner;
    const { batch } = trainer;
    // One state and one action, whose reward is −2 in a third of the cases, else 1; on the atoms: 1 and 4.
    learner.fill(batch.observation, new Float32Array(batchSize * size).fill(1));
    learner.fillWords(learner.trainer.batch.action, new Int32Array(batchSize));
    learner.fill(batch.nStepReturn, [-2, 1, 1, -2, 1, 1]);
    learner.fill(batch.bootstrapDiscount, new Float32Array(batchSize));
    learner.fill(batch.weight, new Float32Array(batchSize).fill(1));
    for (let step = 0; step < 500; step++) trainer.step();
    const logits = [...memory.floats(workspace.online.outputs, atoms)];
    const shares = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
    const sum = shares.reduce((total, share) => total + share, 0);
    const expected = [0, 1 / 3, 0, 0, 2 / 3, 0, 0];
    expected.forEach((probability, atom) => expect((shares[atom] ?? 0) / sum).toBeCloseTo(probability, 1));
    const [loss, mean] = trainer.metrics;
    // The entropy of that distribution is the least that the cross-entropy can be.
    expect(loss).toBeCloseTo(-(Math.log(1 / 3) / 3 + (2 * Math.log(2 / 3)) / 3), 1);
    expect(mean).toBeCloseTo(0, 1);
  });

  it('gives its cross-entropy as priority, without the importance weight', () => {
    const learner = learnerWithBatch();
    const { trainer, memory } = learner;
    trainer.step();
    const weights = memory.floats(trainer.batch.weight, batchSize);
    const priorities = memory.floats(trainer.batch.priority, batchSize);
    const loss = priorities.reduce((sum, priority, row) => sum + priority * (weights[row] ?? 0), 0) / batchSize;
    expect(loss).toBeCloseTo(trainer.metrics[0], 5);
    expect(priorities.every((priority) => priority > 0)).toBe(true);
  });

  it('acts by expectation, among legal actions', () => {
    const learner = learnerWithBatch();
    const { memory, state, policy, workspace, trainer } = learner;
    const { observation, nextLegal = 0, action } = trainer.batch;
    trainer.step();
    const q = memory.floats(workspace.online.q, actionCount);
    const logits = memory.floats(workspace.online.outputs, actionCount * atoms);
    q.forEach((value, index) => {
      const own = logits.subarray(index * atoms, (index + 1) * atoms).map(Math.exp);
      const sum = own.reduce((total, share) => total + share, 0);
      const mean = own.reduce((total, share, atom) => total + (share / sum) * (atom - 3), 0);
      expect(value).toBeCloseTo(mean, 5);
    });
    trainer.initialize(RandomStream.named({ seed: 1, role: 'initial-weights' }));
    const act = (legal?: number) => {
      const step = actingStep(memory.buffer, action, { parameters: state.parameters, observation, legal });
      return policy.act(step) ? step.action[0] : undefined;
    };
    expect(act()).toBe(q.indexOf(Math.max(...q)));
    const mask = new Uint8Array(memory.buffer, nextLegal, actionCount);
    for (let only = 0; only < actionCount; only++) {
      mask.fill(0);
      mask[only] = 1;
      expect(act(nextLegal)).toBe(only);
    }
    mask.fill(0);
    expect(act(nextLegal)).toBeUndefined();
  });

  it('changes nothing where a return is not a number, and says so', () => {
    const learner = learnerWithBatch();
    const { trainer, state } = learner;
    learner.fill(trainer.batch.nStepReturn, [Number.NaN]);
    const before = learner.block(state.parameters).slice();
    trainer.step();
    expect(learner.block(state.parameters).slice()).toEqual(before);
    expect(trainer.metrics[0]).toBeNaN();
  });
});
