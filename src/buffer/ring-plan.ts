import { ConfigurationError } from '../errors.js';
import type { Layout } from './layout.js';
import { sectionAlignment } from './layout.js';
import { halfOf, periodOf } from './position.js';

/** A field that an algorithm adds to every row of the ring, for example the log-probability of the action. */
export interface RingField {
  readonly name: string;
  readonly dtype: 'u8' | 'i32' | 'f32';
  /** Values per row. */
  readonly size: number;
}

/** What a policy's rings must hold. */
export interface RingSpec {
  /** Rows per ring. */
  readonly capacity: number;
  /** Values of one observation. */
  readonly observationSize: number;
  readonly observationDtype: 'u8' | 'f32';
  /** 32-bit words of one action. */
  readonly actionSize: number;
  /** Row length of the action mask. */
  readonly maskSize: number;
  readonly hasActionMask: boolean;
  readonly fields: readonly RingField[];
  /** Rings of the policy, one per (agent, actor). */
  readonly rings: number;
  /** Position of the first row ever written; tests start near the wrap. Default 0. */
  readonly startPosition?: number;
}

/**
 * Where the rings of one policy lie in its memory: byte offsets, plain data.
 *
 * ```
 * control   ring 0: claim head halves │ ring 1: …                   one 128-byte line per ring
 * columns   observation  [rings × capacity][observationSize]         struct of arrays: one block per column,
 *           action       [rings × capacity][actionSize] i32/f32      ring r owns rows r·capacity … (r+1)·capacity − 1,
 *           reward       [rings × capacity] f32                      so that one list of row numbers gathers from
 *           episodeStep  [rings × capacity] i32                      all rings of the policy in one kernel call
 *           flags        [rings × capacity] u8
 *           legal        [rings × capacity][maskSize] u8             only with an action mask
 *           fields…      [rings × capacity][size]                    what the algorithm declares
 * ```
 */
export interface RingPlan extends RingSpec {
  readonly startPosition: number;
  readonly period: number;
  readonly bytesPerObservation: number;
  readonly control: number;
  readonly observation: number;
  readonly action: number;
  readonly reward: number;
  readonly episodeStep: number;
  readonly flags: number;
  readonly legal: number | undefined;
  readonly fieldOffsets: readonly number[];
}

/**
 * Int32 words of a ring's control line. All are written by the ring's one producer only, or by whoever makes the ring
 * ready for the next producer once that one is gone.
 */
export const ringControl = {
  /** Position behind the last row that may be being written. Moves before a row is touched. */
  claim: 0,
  /** Position behind the last row that is whole. Moves after a row was written. */
  head: 1,
  /** Halves of the period that were entered; with `head`, the total of rows. Moves before the head that enters one. */
  halves: 2,
  /** Which of the two bookmarks holds; moves once that one is whole. */
  bookmark: 3,
  /** Two bookmarks of three words: turns of the run, high and low, and the head at that time; see `RingWriter`. */
  bookmarks: 4,
} as const;

export const bookmarkWords = 3;

const ringControlWords = sectionAlignment / 4;

/** Bits of a row's flags. */
export const rowFlags = {
  terminated: 1,
  truncated: 2,
  /** Not a transition: the observation behind the row before, the last step of its episode or rollout. */
  boundary: 4,
  /** The rollout ends behind this step though the episode goes on; a boundary row follows. */
  cut: 8,
} as const;

/** A claim covers the last step of an episode and its boundary row at the most. */
export const rowsPerClaim = 2;

const bytesOf = { u8: 1, i32: 4, f32: 4 } as const;

/** Smallest capacity at which a sampler finds its rows before the writer comes around. */
export function minimumCapacity(batchSize: number, steps: number, frames: number): number {
  return 2 * (batchSize + steps + frames + rowsPerClaim);
}

/** @throws ConfigurationError naming `field` when the capacity is below {@link minimumCapacity}. */
export function checkCapacity(field: string, capacity: number, batchSize: number, steps: number, frames: number): void {
  const least = minimumCapacity(batchSize, steps, frames);
  if (!(capacity >= least)) {
    throw new ConfigurationError(
      field,
      capacity,
      `at least ${least}`,
      `2 × (batch ${batchSize} + n-step ${steps} + frames ${frames} + ${rowsPerClaim} rows per claim)`,
    );
  }
}

export function planRing(layout: Layout, spec: RingSpec): RingPlan {
  const rows = spec.rings * spec.capacity;
  const bytesPerObservation = spec.observationSize * bytesOf[spec.observationDtype];
  return {
    ...spec,
    startPosition: spec.startPosition ?? 0,
    period: periodOf(spec.capacity),
    bytesPerObservation,
    control: layout.reserve(spec.rings * sectionAlignment),
    observation: layout.reserve(rows * bytesPerObservation),
    action: layout.reserve(rows * spec.actionSize * 4),
    reward: layout.reserve(rows * 4),
    episodeStep: layout.reserve(rows * 4),
    flags: layout.reserve(rows),
    legal: spec.hasActionMask ? layout.reserve(rows * spec.maskSize) : undefined,
    fieldOffsets: spec.fields.map((field) => layout.reserve(rows * field.size * bytesOf[field.dtype])),
  };
}

/** Sets every ring's positions to the start. Called once, by the thread that made the memory, before any other runs. */
export function initializeRings(buffer: SharedArrayBuffer, plan: RingPlan): void {
  for (let ring = 0; ring < plan.rings; ring++) {
    const words = ringControlView(buffer, plan, ring);
    words[ringControl.claim] = plan.startPosition;
    words[ringControl.head] = plan.startPosition;
    words[ringControl.halves] = halfOf(plan.startPosition, plan.period);
    for (let bookmark = 0; bookmark < 2; bookmark++) {
      words[ringControl.bookmarks + (bookmark + 1) * bookmarkWords - 1] = plan.startPosition;
    }
  }
}

export function ringControlView(buffer: SharedArrayBuffer, plan: RingPlan, ring: number): Int32Array {
  return new Int32Array(buffer, plan.control + ring * sectionAlignment, ringControlWords);
}
