import type * as core from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';
import type { ObservationSpace } from '../environment/environment.js';
import { ConfigurationError, MarlinError } from '../errors.js';
import { moduleUrl } from '../module-url.js';
import type { ParameterTensor } from '../network/parameter-layout.js';
import type { RandomStream } from '../random.js';
import { checkPlainData } from '../validation.js';
import type { BuildNetwork, CustomNetwork, NetworkOutput, NetworkRequest } from './custom-network.js';
import { startTensorFlow } from './engine.js';
import type { TensorFlowEngine } from './engine.js';
import type { NetworkSettings } from './network-settings.js';
import { TensorFlowNetwork } from './tensorflow-network.js';
import type { NamedVariable, NetworkParts } from './tensorflow-network.js';

/** What an algorithm asks of a network. */
export interface NetworkPurpose {
  readonly observation: ObservationSpace;
  readonly frames: number;
  readonly outputs: readonly NetworkOutput[];
}

/** Sizes of a network that was found to be in order. Plain data. */
export interface NetworkPlan {
  readonly parameters: readonly ParameterTensor[];
  readonly parameterCount: number;
}

/** Builds the network of one policy in the calling thread, as often as it is needed. */
export class NetworkBuilder {
  readonly #engine: TensorFlowEngine;
  readonly #build: BuildNetwork;
  readonly #module: string;
  readonly #request: Omit<NetworkRequest, 'nextSeed'>;

  private constructor(
    engine: TensorFlowEngine,
    build: BuildNetwork,
    module: string,
    request: Omit<NetworkRequest, 'nextSeed'>,
  ) {
    this.#engine = engine;
    this.#build = build;
    this.#module = module;
    this.#request = request;
  }

  /**
   * Starts TensorFlow.js and loads the user's module.
   * @throws ConfigurationError where there is no such module, it exports no `build`, or its options are no plain data
   * @throws MarlinError `ERR_TENSORFLOW` where TensorFlow.js is not installed
   */
  static async load(settings: NetworkSettings, purpose: NetworkPurpose): Promise<NetworkBuilder> {
    const { module, options } = settings;
    const { observation, frames, outputs } = purpose;
    const build = await loadBuild(module);
    return new NetworkBuilder(await startTensorFlow(), build, module, {
      observationShape: observation.shape ?? [observation.size],
      frames,
      inputSize: frames * observation.size,
      outputs,
      options: checkPlainData(options, 'agents.algorithm.network.options', 'a network'),
    });
  }

  /** What computes the network, for records. */
  get engineName(): string {
    return this.#engine.name;
  }

  /**
   * A network with its initial parameters.
   * @param random where the seeds of its initializers come from
   * @throws MarlinError `ERR_NETWORK` where what was built is no network
   */
  build(random: RandomStream): TensorFlowNetwork {
    const { tf } = this.#engine;
    // To TensorFlow.js a seed of 0 is none.
    const nextSeed = (): number => 1 + random.integer(2 ** 31 - 1);
    return this.#naming(() => {
      let built: unknown;
      // Nothing is returned: tidy would search the whole model for tensors.
      tf.tidy(() => {
        built = this.#build(tf, { ...this.#request, nextSeed });
      });
      return new TensorFlowNetwork(tf, partsOf(built), this.#request.inputSize, this.#request.outputs);
    });
  }

  /**
   * Tries the network out: that it is built the same each time, has the outputs that were asked for, and can be trained.
   * @param random twice the same stream
   * @throws MarlinError `ERR_NETWORK` where it does not
   */
  plan(random: () => RandomStream): NetworkPlan {
    return this.#naming(() => {
      const networks = [this.build(random()), this.build(random())] as const;
      try {
        checkSame(...networks);
        this.#tryOut(networks[0]);
        const { parameters, parameterCount } = networks[0];
        return { parameters, parameterCount };
      } finally {
        for (const network of networks) network.dispose();
      }
    });
  }

  #tryOut(network: TensorFlowNetwork): void {
    const { inputSize, outputs } = this.#request;
    for (const rows of [1, 2]) {
      const input = new Float32Array(rows * inputSize);
      const results = outputs.map(({ size }) => new Float32Array(rows * size));
      network.forward(input, rows, results);
      network.differentiate(input, rows, results, () => {}, results, new Float32Array(network.parameterCount));
    }
  }

  /** Errors of the user's code, and of TensorFlow.js about it, say whose network it was. */
  #naming<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof MarlinError && cause.cause !== undefined) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new MarlinError('ERR_NETWORK', `The network of ${this.#module} cannot be used: ${reason}`, { cause });
    }
  }
}

async function loadBuild(module: string): Promise<BuildNetwork> {
  const field = 'agents.algorithm.network.module';
  const bound = 'a module that exports a function `build`, see docs/custom-networks.md';
  let loaded: { readonly build?: unknown };
  try {
    loaded = (await import(moduleUrl(module))) as typeof loaded;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw Object.assign(new ConfigurationError(field, module, bound, reason), { cause });
  }
  if (typeof loaded.build !== 'function') throw new ConfigurationError(field, module, bound);
  return loaded.build as BuildNetwork;
}

/** @throws Error saying what a network would have */
function partsOf(built: unknown): NetworkParts {
  const network = (built ?? {}) as Partial<layers.LayersModel> & Partial<CustomNetwork>;
  if (typeof network.apply === 'function' && Array.isArray(network.layers)) {
    return partsOfLayers(network as layers.LayersModel);
  }
  const { variables, forward } = network;
  if (typeof forward !== 'function' || typeof variables !== 'object' || Object.keys(variables).length === 0) {
    throw new TypeError('build() must return a model of layers, or an object with `variables` and `forward(input)`.');
  }
  const named = Object.entries(variables).map(([name, variable]) => namedVariable(name, variable, variable?.trainable));
  return {
    variables: named,
    forward: (input) => forward.call(network, input),
    dispose: () => {
      for (const { variable } of named) variable.dispose();
    },
  };
}

/**
 * The weights of a model, by the number of their layer and their name in it: the names that TensorFlow.js makes up count
 * all layers of a thread. Layers are applied as for inference: dropout does nothing, normalization keeps its statistics.
 */
function partsOfLayers(model: layers.LayersModel): NetworkParts {
  const names = new Set<string>();
  const trained = new Set(model.trainableWeights);
  const variables = model.layers.flatMap((layer, number) =>
    layer.weights.map((weight) => {
      const name = unusedName(`layers.${number}.${weight.originalName.split('/').at(-1)}`, names);
      return namedVariable(name, weight.read() as core.Variable, trained.has(weight));
    }),
  );
  return {
    variables,
    forward: (input) => model.apply(input, { training: false }) as core.Tensor | core.Tensor[],
    dispose: () => {
      model.dispose();
    },
  };
}

/** A model within a model may have several weights of one name. */
function unusedName(wanted: string, names: Set<string>): string {
  let name = wanted;
  for (let number = 2; names.has(name); number++) name = `${wanted}.${number}`;
  names.add(name);
  return name;
}

function namedVariable(name: string, variable: core.Variable | undefined, isTrainable = false): NamedVariable {
  if (typeof variable?.assign !== 'function' || variable.dtype !== 'float32') {
    const what = typeof variable?.assign === 'function' ? `a variable of ${variable.dtype}` : typeof variable;
    throw new TypeError(`${name} is ${what}, but must be a tf.variable of float32.`);
  }
  return { name, variable, isTrainable };
}

/** @throws Error naming the first parameter that differs */
function checkSame(first: TensorFlowNetwork, second: TensorFlowNetwork): void {
  const [left, right] = [first, second].map((network) => {
    const block = new Float32Array(network.parameterCount);
    network.store(block);
    return { block, parameters: network.parameters };
  });
  if (JSON.stringify(left.parameters) !== JSON.stringify(right.parameters)) {
    throw new TypeError('it has other variables each time it is built.');
  }
  for (const { name, offset, size } of left.parameters) {
    const isSame = left.block
      .subarray(offset, offset + size)
      .every((value, index) => Object.is(value, right.block[offset + index]));
    if (isSame) continue;
    throw new TypeError(`${name} has other initial values each time; give its initializer a seed: nextSeed().`);
  }
}
