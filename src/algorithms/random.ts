import type * as v from 'valibot';
import { drawAction } from '../environment/random-action.js';
import type { Kernels } from '../kernels/kernels.js';
import { strictSettings } from '../schemas.js';
import type { ActingPolicy, ActingStep, Algorithm, AlgorithmContext, AlgorithmPlan, Trainer } from './algorithm.js';

const schema = strictSettings({});

export type RandomConfiguration = v.InferOutput<typeof schema>;

/** Draws from the stream that explores for other agents: greedy or not, and whatever is published. */
class RandomPolicy implements ActingPolicy {
  readonly #space: AlgorithmContext['agent']['action'];
  readonly #bytes: Uint8Array;

  constructor({ agent }: AlgorithmContext, kernels: Kernels) {
    this.#space = agent.action;
    this.#bytes = new Uint8Array(kernels.memory.buffer);
  }

  act({ legal, random, action, actionValues }: ActingStep): boolean {
    const mask = legal === undefined ? undefined : this.#bytes;
    return drawAction(this.#space, mask, legal ?? 0, random, action, actionValues);
  }
}

/** Learns nothing and owes nothing. */
const trainer: Trainer = {
  batch: undefined,
  metrics: new Float64Array(0),
  initialize() {},
  step() {},
};

/** Without parameters: what is published is empty, as version 0, and the hash of such weights is that of nothing. */
const plan: AlgorithmPlan = {
  frames: 1,
  experience: { kind: 'none' },
  ringFields: [],
  parameterCount: 0,
  parameters: [],
  stateBytes: 0,
  policyScratchBytes: 0,
  trainerScratchBytes: 0,
  epsilon: undefined,
  metricNames: [],
};

/** Uniformly random legal actions in every action space: the baseline that a learner has to beat. */
export const random = {
  name: 'random',
  schema,
  plan: () => plan,
  createPolicy: (_: RandomConfiguration, context: AlgorithmContext, kernels: Kernels) =>
    new RandomPolicy(context, kernels),
  createTrainer: () => trainer,
} satisfies Algorithm<RandomConfiguration>;
