import type { ActorTask } from './actor-thread.js';
import type { RunPlan } from './run-plan.js';
import { WorkerHandle } from './worker-handle.js';

const entry = new URL('./workers/actor-worker.js', import.meta.url);

/**
 * Starts the threads of a run's actors. They load their modules while the calling thread makes memory and files ready.
 */
export function startActorThreads({ memory }: RunPlan): WorkerHandle<ActorTask>[] {
  return memory.actorControls.map((_, actor) => new WorkerHandle<ActorTask>(`actor-${actor}`, entry));
}
