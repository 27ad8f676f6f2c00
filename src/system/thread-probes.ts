import { LossyQueue } from '../buffer/lossy-queue.js';
import type { LossyQueuePlan } from '../buffer/lossy-queue.js';
import type { DebugLog } from '../debug-log.js';
import { ProbeSubscription } from '../metrics/probe-subscription.js';
import type { ProbeListener } from '../metrics/probe-subscription.js';
import { traceListener } from '../metrics/trace-event.js';
import { probeLog } from './probe-log.js';
import { mainDoorbell } from './run-memory.js';
import type { RunShare } from './run-share.js';

/**
 * Lets trace and log of a run listen to a worker's probes, until the thread ends.
 * @param plan the thread's queue; undefined where the run is not traced
 */
export function observeWorker(share: RunShare, plan: LossyQueuePlan | undefined, log: DebugLog | undefined): void {
  if (plan === undefined) {
    observeThread(share, undefined, log);
    return;
  }
  const queue = new LossyQueue(share.runMemory, plan);
  const main = mainDoorbell(share);
  const push = (row: Float64Array): void => {
    queue.push(row);
    if (queue.isHalfFull) main.ring();
  };
  observeThread(share, push, log);
}

/**
 * Lets trace and log of a run listen to the probes of the calling thread.
 * @param push takes the rows of the trace; undefined where the run is not traced
 */
export function observeThread(
  { plan }: RunShare,
  push: ((row: Float64Array) => void) | undefined,
  log: DebugLog | undefined,
): ProbeSubscription[] {
  const listeners: ProbeListener[] = [];
  const policies = plan.policies.map(({ id }) => id);
  if (push !== undefined) listeners.push(traceListener(policies, push));
  if (log !== undefined) listeners.push(probeLog(log));
  return listeners.map((listener) => new ProbeSubscription(listener));
}
