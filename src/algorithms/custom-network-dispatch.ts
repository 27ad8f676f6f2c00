import type { NetworkSettings } from '../tensorflow/network-settings.js';
import type { Algorithm } from './algorithm.js';

/**
 * An algorithm that leaves to another one what a configuration with a network of the user's asks for. The other is
 * imported only then: nobody else pays for TensorFlow.js.
 */
export function withCustomNetworks<Configuration extends { readonly network?: NetworkSettings | undefined }>(
  algorithm: Algorithm<Configuration>,
  importCustom: () => Promise<Algorithm<Configuration>>,
): Algorithm<Configuration> {
  const chosenBy = async ({ network }: Configuration): Promise<Algorithm<Configuration>> =>
    network === undefined ? algorithm : importCustom();
  return {
    ...algorithm,
    plan: async (configuration, ...rest) => (await chosenBy(configuration)).plan(configuration, ...rest),
    createPolicy: async (configuration, ...rest) =>
      (await chosenBy(configuration)).createPolicy(configuration, ...rest),
    createTrainer: async (configuration, ...rest) =>
      (await chosenBy(configuration)).createTrainer(configuration, ...rest),
  };
}
