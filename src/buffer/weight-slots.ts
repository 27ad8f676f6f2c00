import type { BlockMover } from './block-mover.js';
import { DoubleBufferPublisher, DoubleBufferReader } from './double-buffer.js';
import { SnapshotPublisher, SnapshotReader, versionOfSequence } from './snapshot.js';
import type { Pin, WeightPlan, WeightPublisher, WeightReader } from './weights.js';

/** The publishing end of whichever mode the plan says. */
export function createPublisher(
  buffer: SharedArrayBuffer,
  plan: WeightPlan,
  pins: readonly Pin[],
  mover: BlockMover,
): WeightPublisher {
  return plan.mode === 'double-buffer'
    ? new DoubleBufferPublisher(buffer, plan, pins, mover)
    : new SnapshotPublisher(buffer, plan, mover);
}

/** @param scratch byte offset of `readerScratchBytes` of this reader's own */
export function createReader(
  buffer: SharedArrayBuffer,
  plan: WeightPlan,
  pin: Pin,
  mover: BlockMover,
  scratch: number,
): WeightReader {
  return plan.mode === 'double-buffer'
    ? new DoubleBufferReader(buffer, plan, pin)
    : new SnapshotReader(buffer, plan, mover, scratch);
}

/** Marks that nothing is published yet. Called once, by the thread that made the memory, before any other runs. */
export function initializeWeights(buffer: SharedArrayBuffer, plan: WeightPlan): void {
  new Int32Array(buffer, plan.control, 1)[0] = plan.mode === 'double-buffer' ? -1 : 0;
}

/** The newest version published, for threads that neither publish nor act. */
export function newestVersion(buffer: SharedArrayBuffer, plan: WeightPlan): number {
  const word = Atomics.load(new Int32Array(buffer, plan.control, 1), 0);
  return plan.mode === 'double-buffer' ? word : versionOfSequence(word);
}
