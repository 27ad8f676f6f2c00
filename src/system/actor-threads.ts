import { MarlinError } from '../errors.js';
import type { ActorTask } from './actor-thread.js';
import type { RunPlan } from './run-plan.js';
import { actorName } from './thread-names.js';
import { WorkerHandle } from './worker-handle.js';

export const actorEntry = new URL('./workers/actor-worker.js', import.meta.url);

/**
 * Starts the threads of a run's actors. They load their modules while the calling thread makes memory and files ready.
 * @throws MarlinError `ERR_THREADS` where there are none to be had
 */
export function startActorThreads({ memory, configuration }: RunPlan): WorkerHandle<ActorTask>[] {
  const { heapLimitMb } = configuration.parallel;
  try {
    return memory.actorControls.map(
      (_, actor) => new WorkerHandle<ActorTask>(actorName(actor), actorEntry, heapLimitMb),
    );
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MarlinError('ERR_THREADS', `No worker thread can be started: ${reason}`, { cause });
  }
}
