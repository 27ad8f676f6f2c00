import type { Kernels } from '../kernels/kernels.js';
import type { TargetUpdate } from './q-settings.js';

/**
 * Brings the target network after the online network: `count` floats at the bytes `target` and `parameters`.
 * @param trainStep training steps done, this one included
 */
export function updateTarget(
  kernels: Kernels,
  update: TargetUpdate,
  target: number,
  parameters: number,
  count: number,
  trainStep: number,
): void {
  const copyEvery = update.kind === 'hard' ? update.every : update.copyEvery;
  if (copyEvery !== undefined && trainStep % copyEvery === 0) kernels.copyBytes(target, parameters, count * 4);
  else if (update.kind === 'soft') kernels.softUpdate(target, parameters, count, update.tau);
}
