import type { Algorithm } from '../algorithms/algorithm.js';
import { algorithmNamed } from '../algorithms/algorithms.js';
import type { FrozenConfiguration } from '../algorithms/fixed.js';
import { fixed, frozen } from '../algorithms/fixed.js';
import { normalized } from '../algorithms/normalized.js';
import type { Normalization } from '../algorithms/normalized.js';
import { ConfigurationError } from '../errors.js';
import { moduleUrl } from '../module-url.js';
import { checked } from './checked-algorithm.js';

/** A built-in algorithm by name, or a module of the user's that exports `algorithm`. */
export type PlainReference = string | { readonly module: string };

/** The same, which may see its observations and rewards normalised. */
export type TrainedReference = PlainReference | { readonly normalized: PlainReference; readonly by: Normalization };

/** The same, or frozen weights of one: what `fixed` stands for once the weights have been read. */
export type AlgorithmReference = TrainedReference | { readonly frozen: TrainedReference };

/**
 * The algorithm itself. Code cannot travel between threads, so each thread loads what it needs.
 * @param field the setting that names it, for the error
 * @throws ConfigurationError where there is no such algorithm
 */
export async function loadAlgorithm(reference: AlgorithmReference, field = 'agents.algorithm'): Promise<Algorithm> {
  if (typeof reference === 'string') return algorithmNamed(reference, `${field}.name`);
  if ('frozen' in reference) return frozen(await loadAlgorithm(reference.frozen, field)) as Algorithm;
  if ('normalized' in reference) return normalized(await loadAlgorithm(reference.normalized, field), reference.by);
  const { module } = reference;
  const bound = 'a module that exports `algorithm`, see docs/algorithms.md';
  let loaded: { readonly algorithm?: Partial<Algorithm> };
  try {
    loaded = (await import(moduleUrl(module))) as typeof loaded;
  } catch (cause) {
    throw Object.assign(new ConfigurationError(`${field}.module`, module, bound, messageOf(cause)), { cause });
  }
  const { algorithm } = loaded;
  const missing = parts.find(([part, type]) => typeof algorithm?.[part] !== type);
  if (algorithm === undefined || missing !== undefined) {
    const why = algorithm === undefined ? 'it exports none' : `its algorithm has no ${missing?.join(', a ')}`;
    throw new ConfigurationError(`${field}.module`, module, bound, why);
  }
  return checked(algorithm as Algorithm);
}

/** What an algorithm consists of, by the types of its parts. */
const parts = [
  ['name', 'string'],
  ['schema', 'object'],
  ['plan', 'function'],
  ['createPolicy', 'function'],
  ['createTrainer', 'function'],
] as const satisfies readonly (readonly [keyof Algorithm, string])[];

/** An algorithm with the settings that it is played by. */
export interface PlayedAlgorithm {
  readonly algorithmReference: AlgorithmReference;
  /** Settings, defaults filled in; of frozen weights the weights themselves. Plain data. */
  readonly algorithm: unknown;
}

/** True where a module of the user's has the algorithm, so that its schema is known only once it is loaded. */
export function isFromModule(reference: AlgorithmReference): boolean {
  if (typeof reference === 'string') return false;
  return 'normalized' in reference ? isFromModule(reference.normalized) : 'module' in reference;
}

/** The reference to an algorithm that is to see normalised what `by` says, if anything. */
export function normalizedReference(reference: PlainReference, by: Normalization | undefined): TrainedReference {
  return by?.observations || by?.rewards ? { normalized: reference, by } : reference;
}

/** Algorithm and settings as a configuration has them. */
export function writtenAlgorithm({ algorithmReference, algorithm }: PlayedAlgorithm): Record<string, unknown> {
  if (typeof algorithmReference === 'string') return { name: algorithmReference, ...(algorithm as object) };
  if ('module' in algorithmReference) return { ...algorithmReference, ...(algorithm as object) };
  if ('normalized' in algorithmReference) {
    const { normalized: plain, by } = algorithmReference;
    return { ...writtenAlgorithm({ algorithmReference: plain, algorithm }), normalize: by };
  }
  return { name: fixed.name, ...(algorithm as FrozenConfiguration).source };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
