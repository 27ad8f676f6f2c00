import type { Layout } from './layout.js';
import { sectionAlignment } from './layout.js';

/**
 * How a policy's weights reach its actors.
 * - `double-buffer`: two slots; an actor pins the one it computes with and reads it where it was written.
 * - `snapshot`: one slot behind a sequence number; an actor copies it when the version moved.
 */
export type WeightMode = 'double-buffer' | 'snapshot';

/** Where the published weights of one policy lie in its memory: byte offsets, plain data. */
export interface WeightPlan {
  readonly mode: WeightMode;
  /** Bytes of one parameter block. */
  readonly bytes: number;
  /** One Int32 word: the newest version (`double-buffer`) or the sequence number (`snapshot`). */
  readonly control: number;
  /** One block per slot: two for `double-buffer`, one for `snapshot`. */
  readonly slots: readonly number[];
}

export function planWeights(layout: Layout, mode: WeightMode, bytes: number): WeightPlan {
  const control = layout.reserve(sectionAlignment);
  const slots = mode === 'double-buffer' ? [layout.reserve(bytes), layout.reserve(bytes)] : [layout.reserve(bytes)];
  return { mode, bytes, control, slots };
}

/** Bytes of private copies that a reader of these weights needs. */
export function readerScratchBytes(mode: WeightMode, bytes: number): number {
  return mode === 'snapshot' ? 2 * Math.ceil(bytes / sectionAlignment) * sectionAlignment : 0;
}

/** Versions are told modulo 2³¹: a policy that publishes after each fast training step gets there within days. */
export const versionMask = 0x7fffffff;

/** The learner's end. One per policy. */
export interface WeightPublisher {
  /** Versions published so far, the initial weights being version 0; −1 before that. */
  readonly version: number;
  /**
   * Publishes the parameter block at byte `source` as the next version.
   * @returns false when an actor still reads the slot that would be written: train on and try later
   */
  tryPublish(source: number): boolean;
}

/** An actor's end. One per (actor, policy). */
export interface WeightReader {
  /** Version of the weights last acquired; after 2³¹ publications they count from 0 again. */
  readonly version: number;
  /** Acquisitions repeated because the weights moved meanwhile. */
  readonly retries: number;
  /** Byte offset of the newest whole parameter block; it does not change until {@link release}. */
  acquire(): number;
  /** Ends the reading. Call after every `acquire`, before the environment steps. */
  release(): void;
  /** Versions published since the one last acquired. */
  lag(): number;
}

/** One Int32 word in run memory that one (actor, policy) pair alone writes: 0, or 1 + the slot being read. */
export interface Pin {
  readonly words: Int32Array;
  readonly index: number;
}
