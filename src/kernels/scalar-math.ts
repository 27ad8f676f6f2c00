import type { KernelExports } from './kernel-exports.js';
import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from './kernels.js';

/** Transcendental functions of one number whose bits do not depend on the engine, as those of its `Math` do. */
export type ScalarMath = Pick<KernelExports, 'sine' | 'cosine'>;

let instance: ScalarMath | undefined;

/**
 * The functions for whoever has no kernel memory at hand, such as an environment: one instance per thread, over a memory
 * of one page that holds nothing but static data.
 * @throws MarlinError `ERR_KERNELS` where the kernels are missing or do not fit this engine
 */
export function scalarMath(): ScalarMath {
  instance ??= instantiateKernels(kernelModule(), createKernelMemory(firstFreeByte));
  return instance;
}
