import type { FaultRecord } from './record.js';

/**
 * @param worker name of the thread that failed
 * @param recovered whether another thread took its place
 * @param lost what is done once more
 */
export function faultRecord(
  worker: string,
  error: Error,
  recovered: boolean,
  lost: Pick<FaultRecord, 'train_steps_lost' | 'turns_lost'> = {},
): FaultRecord {
  const { message, code } = error as Error & { readonly code?: string };
  return { kind: 'fault', timestamp: new Date().toISOString(), worker, code, message, recovered, ...lost };
}
