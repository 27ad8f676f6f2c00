import * as v from 'valibot';
import { MarlinError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { NamedTensor } from '../network/parameter-layout.js';
import { tensorMismatch, writeTensors } from '../network/parameter-layout.js';
import { strictSettings, text } from '../schemas.js';
import type { Algorithm, AlgorithmContext, AlgorithmPlan, Trainer } from './algorithm.js';

/** Settings of `fixed`: the weights of an earlier run, frozen. */
const schema = strictSettings({
  /** Directory of the run; relative paths count from the working directory. */
  run: text,
  /** Agent of that run. Default: the id of the agent that is played. */
  agent: v.optional(text),
});

/** What a run's files say of an agent: all that is needed to play it. Plain data. */
export interface FrozenConfiguration {
  /** Where it comes from: what config.json says. */
  readonly source: { readonly run: string; readonly agent: string };
  /** Settings of the algorithm that trained it. */
  readonly settings: unknown;
  readonly tensors: readonly NamedTensor[];
  /** Training steps that led to these weights. */
  readonly trainSteps: number;
  /** Version of Marlin that wrote them. */
  readonly writtenBy: string;
}

/**
 * What a configuration may name. Files are not an algorithm's business: whoever plans a run reads the weights and plays
 * them by {@link frozen}.
 */
export const fixed = {
  name: 'fixed',
  schema,
  plan: unread,
  createPolicy: unread,
  createTrainer: unread,
} satisfies Algorithm<v.InferOutput<typeof schema>>;

function unread(): never {
  throw new MarlinError('ERR_STATE', 'The weights of a fixed agent have not been read.');
}

/**
 * An algorithm that acts as `played` does, by weights that never change: it samples and learns nothing, and no ε is
 * added, so that it plays its policy as it is.
 */
export function frozen(played: Algorithm): Algorithm<FrozenConfiguration> {
  const planOf = async (configuration: FrozenConfiguration, context: AlgorithmContext): Promise<AlgorithmPlan> => {
    const plan = await played.plan(configuration.settings, context);
    const mismatch = tensorMismatch(plan.parameters, configuration.tensors);
    if (mismatch !== undefined) {
      const { source, writtenBy } = configuration;
      const weights = `The weights of ${source.agent} in ${source.run}, written by Marlin ${writtenBy},`;
      throw new MarlinError('ERR_TENSOR_FILE', `${weights} do not fit this version of ${played.name}: ${mismatch}.`);
    }
    return plan;
  };
  return {
    name: fixed.name,
    // Plain data that the system made; nothing a user wrote.
    schema: v.custom<FrozenConfiguration>(() => true),
    async plan(configuration, context) {
      const plan = await planOf(configuration, context);
      return {
        ...plan,
        experience: { kind: 'none' },
        stateBytes: plan.parameterCount * 4,
        trainerScratchBytes: 0,
        epsilon: undefined,
        metricNames: [],
      };
    },
    createPolicy: (configuration, context, kernels, scratch) =>
      played.createPolicy(configuration.settings, context, kernels, scratch),
    async createTrainer(configuration, context, kernels, state) {
      return new FrozenTrainer(configuration, await planOf(configuration, context), kernels, state);
    },
  };
}

/** Never asked for a step: what it has to do is done once the weights are in place. */
class FrozenTrainer implements Trainer {
  readonly batch = undefined;
  readonly metrics = new Float64Array(0);
  readonly #configuration: FrozenConfiguration;
  readonly #plan: AlgorithmPlan;
  readonly #block: Float32Array;

  constructor(configuration: FrozenConfiguration, plan: AlgorithmPlan, kernels: Kernels, state: number) {
    this.#configuration = configuration;
    this.#plan = plan;
    this.#block = new Float32Array(kernels.memory.buffer, state, plan.parameterCount);
  }

  initialize(): void {
    writeTensors(this.#block, this.#plan.parameters, this.#configuration.tensors);
  }

  step(): void {
    throw new MarlinError('ERR_STATE', 'A fixed agent does not learn.');
  }
}
