import type { ActingStep } from '#marlin/algorithms/algorithm.js';
import { RandomStream } from '#marlin/random.js';

/** A step for a policy to act on. The action goes to byte `action` of `buffer`, which must have room for `size` words. */
export function actingStep(
  buffer: SharedArrayBuffer,
  action: number,
  parts: Pick<ActingStep, 'parameters' | 'observation'> & Partial<ActingStep>,
  size = 1,
): ActingStep {
  return {
    weightsVersion: 0,
    legal: undefined,
    actionOffset: action,
    action: new Int32Array(buffer, action, size),
    actionValues: new Float32Array(buffer, action, size),
    fields: [],
    isGreedy: false,
    random: RandomStream.named({ seed: 1, role: 'exploration' }),
    ...parts,
  };
}
