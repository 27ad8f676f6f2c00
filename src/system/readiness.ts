import type { Experience } from '../algorithms/algorithm.js';
import { batchIsReady } from '../buffer/ring-occupancy.js';
import type { RingPlan } from '../buffer/ring-plan.js';
import { ringControlView } from '../buffer/ring-plan.js';

/** Whether the rings hold what the learner needs to train at all: what an actor asks before it waits for it. */
export function readinessOf(
  buffer: SharedArrayBuffer,
  experience: Experience,
  rings: RingPlan,
  batchSize: number,
): () => boolean {
  // A rollout is complete in the very turn that makes its training owed.
  if (experience.kind !== 'replay') return () => true;
  const controls = Array.from({ length: rings.rings }, (_, ring) => ringControlView(buffer, rings, ring));
  return () => batchIsReady(controls, rings, batchSize, experience.steps);
}
