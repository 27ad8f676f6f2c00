import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MarlinError } from '../errors.js';
import { engine } from './engine.js';
import type { KernelMemory, KernelModule } from './engine.js';
import type { KernelExports } from './kernel-exports.js';

export {
  activationNumbers,
  gemmScratchBytes,
  nonZeroListBytes,
  peakOperations,
  randomStateBytes,
} from './kernel-exports.js';
export type { KernelMemory, KernelModule } from './engine.js';
export type { Activation } from './kernel-exports.js';

/** The kernels over one memory. Every thread makes its own instance over the memory it shares with the others. */
export interface Kernels extends KernelExports {
  readonly memory: KernelMemory;
}

/** First byte that a user of the kernels may lay out; below lies static data, which each instance writes again. */
export const firstFreeByte = 64 * 1024;

const pageBytes = 64 * 1024;
const maximumPages = 65_536;
const file = new URL('./kernels.wasm', import.meta.url);

let compiled: { readonly module: KernelModule; readonly hash: string } | undefined;

function compile(): { readonly module: KernelModule; readonly hash: string } {
  if (compiled !== undefined) return compiled;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new MarlinError('ERR_KERNELS', `The kernels are missing at ${file.href}; npm run build makes them.`, {
      cause,
    });
  }
  try {
    compiled = { module: new engine.Module(bytes), hash: createHash('sha256').update(bytes).digest('hex') };
  } catch (cause) {
    throw new MarlinError(
      'ERR_KERNELS',
      `This engine (Node ${process.version}, ${process.arch}) cannot compile the kernels; they need WebAssembly SIMD and threads.`,
      { cause },
    );
  }
  return compiled;
}

/**
 * The compiled kernels, compiled once per thread that asks. A module can be sent to a worker, so workers are given
 * it rather than calling this.
 * @throws MarlinError `ERR_KERNELS` where the file is missing or the engine has no SIMD
 */
export function kernelModule(): KernelModule {
  return compile().module;
}

/** SHA-256 of the kernels in hexadecimal: two runs with the same hash computed with the same instructions. */
export function kernelHash(): string {
  return compile().hash;
}

/**
 * A shared memory of at least `bytes` bytes, filled with zeros; it does not grow.
 * @param bytes end of what is laid out, {@link firstFreeByte} included
 * @throws MarlinError `ERR_KERNELS` above 4 GiB or where the engine cannot reserve it
 */
export function createKernelMemory(bytes: number): KernelMemory {
  const pages = Math.max(1, Math.ceil(bytes / pageBytes));
  if (!(pages <= maximumPages)) {
    throw new MarlinError('ERR_KERNELS', `A memory of ${bytes} bytes was asked for; at most 4 GiB can be addressed.`);
  }
  try {
    return new engine.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new MarlinError('ERR_KERNELS', `A shared memory of ${pages * pageBytes} bytes could not be had.`, { cause });
  }
}

/**
 * One instance of the kernels over `memory`.
 * @throws MarlinError `ERR_KERNELS` where the memory does not fit the module
 */
export function instantiateKernels(module: KernelModule, memory: KernelMemory): Kernels {
  try {
    const instance = new engine.Instance(module, { env: { memory } });
    // The one place where the engine's untyped exports get their types: index.ts of the assembly is the other half.
    return { ...(instance.exports as KernelExports), memory };
  } catch (cause) {
    throw new MarlinError('ERR_KERNELS', 'The kernels do not fit this memory; it must be shared and fixed in size.', {
      cause,
    });
  }
}
