import type { Algorithm } from '../algorithms/algorithm.js';
import { algorithmNamed } from '../algorithms/algorithms.js';
import { ConfigurationError } from '../errors.js';
import { moduleUrl } from '../module-url.js';

/** A built-in algorithm by name, or a module of the user's that exports `algorithm`. */
export type AlgorithmReference = string | { readonly module: string };

/**
 * The algorithm itself. Code cannot travel between threads, so each thread loads what it needs.
 * @param field the setting that names it, for the error
 * @throws ConfigurationError where there is no such algorithm
 */
export async function loadAlgorithm(reference: AlgorithmReference, field = 'agents.algorithm'): Promise<Algorithm> {
  if (typeof reference === 'string') return algorithmNamed(reference, `${field}.name`);
  const { module } = reference;
  const bound = 'a module that exports `algorithm`, see docs/algorithms.md';
  let loaded: { readonly algorithm?: Partial<Algorithm> };
  try {
    loaded = (await import(moduleUrl(module))) as typeof loaded;
  } catch (cause) {
    throw Object.assign(new ConfigurationError(`${field}.module`, module, bound, messageOf(cause)), { cause });
  }
  const { algorithm } = loaded;
  const missing = (['schema', 'plan', 'createPolicy', 'createTrainer'] as const).find((part) => !algorithm?.[part]);
  if (algorithm === undefined || missing !== undefined) {
    const why = algorithm === undefined ? '' : `its algorithm has no ${missing}`;
    throw new ConfigurationError(`${field}.module`, module, bound, why);
  }
  return algorithm as Algorithm;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
