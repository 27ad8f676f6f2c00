import { Doorbell, doorbellWords } from '../buffer/doorbell.js';
import { WorkerControl } from '../buffer/worker-control.js';
import type { RunShare } from './run-share.js';

/** Views of the run memory; the plan of it is in run-plan.ts. */
export function mainDoorbell(share: RunShare): Doorbell {
  return new Doorbell(new Int32Array(share.runMemory, share.plan.memory.mainDoorbell, doorbellWords), 0);
}

/** One per actor. */
export function actorControls(share: RunShare): WorkerControl[] {
  return share.plan.memory.actorControls.map((offset) => new WorkerControl(share.runMemory, offset));
}

/** One per learner worker. */
export function learnerControls(share: RunShare): WorkerControl[] {
  return share.plan.memory.learnerControls.map((offset) => new WorkerControl(share.runMemory, offset));
}
