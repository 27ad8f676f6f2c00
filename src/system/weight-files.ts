import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FrozenConfiguration } from '../algorithms/fixed.js';
import type { Normalization } from '../algorithms/normalized.js';
import type { ActionSpace, ObservationSpace } from '../environment/environment.js';
import { MarlinError } from '../errors.js';
import { decodeSafetensors, encodeSafetensors, hashKey } from '../export/safetensors.js';
import type { NamedTensor } from '../network/parameter-layout.js';
import { readTensors } from '../network/parameter-layout.js';
import type { TrainedReference } from './algorithm-modules.js';
import { normalizedReference, writtenAlgorithm } from './algorithm-modules.js';
import type { PlayablePolicy } from './playable-policy.js';
import { runFiles, settingsText, writeWhole } from './run-files.js';
import { packageVersion } from './version.js';

/** Metadata of a file of weights, all text. With the tensors it says all that is needed to play them. */
interface WeightMetadata {
  readonly agent: string;
  /** Name, or module of the user's. */
  readonly algorithm: string;
  /** The algorithm as config.json has it, name or module included: JSON. */
  readonly settings: string;
  /** The spaces that the agent sees and acts in: JSON. */
  readonly observation: string;
  readonly action: string;
  /** Done when the weights were published, decimal. */
  readonly training_steps: string;
  readonly weights_version: string;
  /** Share of random actions with which the run explored at its end; absent where its algorithm has none. */
  readonly epsilon?: string;
  /** SHA-256 of the parameters as they lie in memory: what the summary and the record `done` say. */
  readonly weights_hash: string;
  /** Version of the package that wrote the file. */
  readonly marlin: string;
}

/** Weights as they were saved, with all that is needed to play them. */
export interface SavedWeights {
  readonly algorithmReference: TrainedReference;
  /** Settings of the algorithm, not yet checked by this version of it. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly observation: ObservationSpace;
  readonly action: ActionSpace;
  readonly tensors: readonly NamedTensor[];
  readonly trainSteps: number;
  readonly weightsVersion: number;
  readonly epsilon: number | undefined;
  readonly writtenBy: string;
}

/**
 * Writes `weights/<agent id>.safetensors` of every policy into a run directory.
 * @throws MarlinError `ERR_RUN_DIRECTORY` where it cannot be written
 */
export async function writeWeights(directory: string, policies: readonly PlayablePolicy[]): Promise<void> {
  try {
    await mkdir(join(directory, runFiles.weights), { recursive: true });
    for (const policy of policies) await writeWhole(weightFile(directory, policy.id), fileOf(policy));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MarlinError('ERR_RUN_DIRECTORY', `The weights could not be written to ${directory}: ${reason}`, {
      cause,
    });
  }
}

function fileOf(policy: PlayablePolicy): Uint8Array {
  const { id, context, weights, parameters, weightsVersion, epsilon } = policy;
  const { algorithm, trainSteps } = trainedOf(policy);
  const { observation, action } = context.agent;
  const metadata: WeightMetadata = {
    agent: id,
    algorithm: String(algorithm['name'] ?? algorithm['module']),
    settings: settingsText(algorithm),
    observation: settingsText(observation),
    action: settingsText(action),
    training_steps: String(trainSteps),
    weights_version: String(weightsVersion),
    ...(epsilon === undefined ? {} : { epsilon: String(epsilon) }),
    weights_hash: createHash('sha256').update(new Uint8Array(weights)).digest('hex'),
    marlin: packageVersion(),
  };
  return encodeSafetensors({ tensors: readTensors(new Float32Array(weights), parameters), metadata: { ...metadata } });
}

/** Frozen weights are saved as what they were trained as, so that their file needs no other run. */
function trainedOf(policy: PlayablePolicy): { algorithm: Record<string, unknown>; trainSteps: number } {
  const { algorithmReference, algorithm, trainSteps } = policy;
  if (typeof algorithmReference === 'string' || !('frozen' in algorithmReference)) {
    return { algorithm: writtenAlgorithm(policy), trainSteps };
  }
  const { settings, trainSteps: trained } = algorithm as FrozenConfiguration;
  const played = { algorithmReference: algorithmReference.frozen, algorithm: settings };
  return { algorithm: writtenAlgorithm(played), trainSteps: trained };
}

/**
 * Reads the weights of an agent from a run directory.
 * @throws MarlinError `ERR_TENSOR_FILE` where there are none, or their file is damaged
 */
export async function readWeights(directory: string, agent: string): Promise<SavedWeights> {
  const path = weightFile(directory, agent);
  const { tensors, metadata } = decodeSafetensors(await readWeightFile(path, directory, agent), path);
  const refuse = (what: string): never => {
    throw new MarlinError('ERR_TENSOR_FILE', `${path} holds no weights of ${agent}: ${what}.`);
  };
  if (metadata[hashKey] === undefined) refuse('its metadata have no hash of the file');
  const text = (key: keyof WeightMetadata): string => metadata[key] ?? refuse(`its metadata have no ${key}`);
  if (text('agent') !== agent) refuse(`they are those of ${text('agent')}`);
  const { name, module, normalize, ...settings } = JSON.parse(text('settings')) as Record<string, unknown>;
  const plain = module === undefined ? String(name) : { module: String(module) };
  return {
    algorithmReference: normalizedReference(plain, normalize as Normalization | undefined),
    settings,
    observation: JSON.parse(text('observation')) as ObservationSpace,
    action: JSON.parse(text('action')) as ActionSpace,
    tensors: tensors.map(({ name: tensor, shape, values }) => {
      if (!(values instanceof Float32Array)) return refuse(`${tensor} is not F32`);
      // Shared: a plan goes to every thread, the weights of a network need not go with it each time.
      const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
      shared.set(values);
      return { name: tensor, shape, values: shared };
    }),
    trainSteps: Number(text('training_steps')),
    weightsVersion: Number(text('weights_version')),
    epsilon: metadata['epsilon'] === undefined ? undefined : Number(metadata['epsilon']),
    writtenBy: text('marlin'),
  };
}

async function readWeightFile(path: string, directory: string, agent: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const message = isMissing
      ? `${directory} holds no weights of ${agent}: a run writes them when it ends or is stopped.`
      : `The weights of ${agent} in ${directory} cannot be read: ${(cause as Error).message}`;
    throw new MarlinError('ERR_TENSOR_FILE', message, { cause });
  }
}

function weightFile(directory: string, agent: string): string {
  return join(directory, runFiles.weights, `${fileNameOf(agent)}.safetensors`);
}

const longestName = 180;

/**
 * An agent's id as a file name: what is no letter, digit, `-`, `_` or inner dot becomes `%` and the hexadecimal numbers
 * of its UTF-8 bytes. Of a name that file systems find too long the end gives way to a hash.
 */
export function fileNameOf(agent: string): string {
  const bytes = Buffer.from(agent);
  const name = [...bytes].map((byte, index) => {
    const character = String.fromCharCode(byte);
    const isSafe = /[A-Za-z0-9_-]/.test(character) || (character === '.' && index > 0);
    return isSafe ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  const text = name.join('');
  if (text.length <= longestName) return text;
  return `${text.slice(0, longestName - 17)}~${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
}
