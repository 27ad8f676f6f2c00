// An algorithm of one's own: Q-learning with action values that are linear in what is seen, Q(s, a) = wₐ · s + bₐ, by
// plain gradient descent. Used by examples/own-algorithm.js; docs/algorithms.md goes through it.
import { alignUp, ConfigurationError, epsilonSchema, Layout, ParameterLayout } from 'marlin-rl/algorithm';
import { planTransitionBatch, positive, share, strictSettings, v } from 'marlin-rl/algorithm';

/** @import { ActingPolicy, ActingStep, Algorithm, AlgorithmContext, Kernels, RandomStream, Trainer } from 'marlin-rl/algorithm' */
/** @typedef {v.InferOutput<typeof schema>} Settings */

const schema = strictSettings({
  /** γ, per step. */
  discount: v.optional(share, 0.9),
  /** Step size of the gradient descent. */
  learningRate: v.optional(positive, 0.1),
  /** Share of random actions. */
  epsilon: v.optional(epsilonSchema, { duration: 50 }),
});

/**
 * Sizes, and where the parameters lie in their block, in floats.
 * @param {AlgorithmContext} context
 */
function planParameters({ agent }) {
  const { action, observation } = agent;
  if (action.kind !== 'discrete') {
    throw new ConfigurationError('agents.algorithm.module', 'linear-q', `one for ${action.kind} actions`);
  }
  const layout = new ParameterLayout();
  const weights = layout.reserve('weights', [action.count, observation.size]);
  const biases = layout.reserve('biases', [action.count]);
  return {
    inputs: observation.size,
    actions: action.count,
    weights,
    biases,
    tensors: layout.tensors,
    count: layout.count,
  };
}

/** Action values. Memory is seen as floats; offsets are given in bytes. */
class LinearValues {
  /** @param {AlgorithmContext} context @param {Kernels} kernels */
  constructor(context, kernels) {
    this.plan = planParameters(context);
    this.floats = new Float32Array(kernels.memory.buffer);
    this.bytes = new Uint8Array(kernels.memory.buffer);
  }

  /** @param {number} parameters @param {number} input @param {number} action */
  of(parameters, input, action) {
    const { inputs, weights, biases } = this.plan;
    const row = parameters / 4 + weights + action * inputs;
    let value = this.floats[parameters / 4 + biases + action];
    for (let index = 0; index < inputs; index++) value += this.floats[row + index] * this.floats[input / 4 + index];
    return value;
  }

  /**
   * The legal action of the highest value; −1 where none is legal.
   * @param {number} parameters @param {number} input @param {number | undefined} legal
   */
  best(parameters, input, legal) {
    let best = -1;
    let highest = -Infinity;
    for (let action = 0; action < this.plan.actions; action++) {
      if (legal !== undefined && this.bytes[legal + action] === 0) continue;
      const value = this.of(parameters, input, action);
      if (value > highest) [best, highest] = [action, value];
    }
    return best;
  }

  /** Moves the value of an action. @param {number} parameters @param {number} input @param {number} action @param {number} by */
  move(parameters, input, action, by) {
    const { inputs, weights, biases } = this.plan;
    const row = parameters / 4 + weights + action * inputs;
    for (let index = 0; index < inputs; index++) this.floats[row + index] += by * this.floats[input / 4 + index];
    this.floats[parameters / 4 + biases + action] += by;
  }
}

/** @implements {ActingPolicy} */
class LinearPolicy {
  /** @param {AlgorithmContext} context @param {Kernels} kernels */
  constructor(context, kernels) {
    this.values = new LinearValues(context, kernels);
  }

  /** Greedy: ε is the actor's. @param {ActingStep} step */
  act({ parameters, observation, legal, action }) {
    action[0] = this.values.best(parameters, observation, legal);
    return action[0] >= 0;
  }
}

/** @param {Layout} layout @param {AlgorithmContext} context */
function planBatch(layout, context) {
  const { inputs, actions } = planParameters(context);
  return planTransitionBatch(layout, context.batchSize, inputs, 1, actions, context.agent.hasActionMask ?? false);
}

/** @implements {Trainer} */
class LinearTrainer {
  metrics = new Float64Array(1);

  /** @param {Settings} settings @param {AlgorithmContext} context @param {Kernels} kernels @param {number} state @param {number} scratch */
  constructor(settings, context, kernels, state, scratch) {
    this.settings = settings;
    this.values = new LinearValues(context, kernels);
    this.parameters = state;
    this.batch = planBatch(new Layout(scratch), context);
    this.actions = new Int32Array(kernels.memory.buffer, this.batch.action, this.batch.size);
  }

  /** @param {RandomStream} _random */
  initialize(_random) {
    this.values.floats.fill(0, this.parameters / 4, this.parameters / 4 + this.values.plan.count);
  }

  step() {
    const { batch, values, parameters } = this;
    let squares = 0;
    for (let row = 0; row < batch.size; row++) {
      const input = batch.observation + row * batch.observationSize * 4;
      const next = batch.nextObservation + row * batch.observationSize * 4;
      const legal = batch.nextLegal === undefined ? undefined : batch.nextLegal + row * batch.maskSize;
      const best = values.best(parameters, next, legal);
      const bootstrap =
        best < 0 ? 0 : values.floats[batch.bootstrapDiscount / 4 + row] * values.of(parameters, next, best);
      const error =
        values.floats[batch.nStepReturn / 4 + row] + bootstrap - values.of(parameters, input, this.actions[row]);
      values.move(parameters, input, this.actions[row], (this.settings.learningRate / batch.size) * error);
      squares += error * error;
    }
    this.metrics[0] = squares / batch.size / 2;
  }
}

/** @satisfies {Algorithm<Settings>} */
export const algorithm = {
  name: 'linear-q',
  schema,
  /** @param {Settings} settings @param {AlgorithmContext} context */
  plan({ discount, epsilon }, context) {
    const { count, tensors } = planParameters(context);
    const trainer = new Layout();
    planBatch(trainer, context);
    return {
      frames: 1,
      experience: { kind: /** @type {const} */ ('replay'), steps: 1, discount },
      ringFields: [],
      parameterCount: count,
      parameters: tensors,
      stateBytes: alignUp(count * 4),
      policyScratchBytes: 0,
      trainerScratchBytes: alignUp(trainer.end),
      epsilon,
      metricNames: ['loss'],
    };
  },
  /** @param {Settings} _settings @param {AlgorithmContext} context @param {Kernels} kernels */
  createPolicy: (_settings, context, kernels) => new LinearPolicy(context, kernels),
  /** @param {Settings} settings @param {AlgorithmContext} context @param {Kernels} kernels @param {number} state @param {number} scratch */
  createTrainer: (settings, context, kernels, state, scratch) =>
    new LinearTrainer(settings, context, kernels, state, scratch),
};
