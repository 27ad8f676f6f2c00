import type { Channel } from 'node:diagnostics_channel';
import { channel } from 'node:diagnostics_channel';
import { nowMs } from './clock.js';

/** When something was done. */
interface Span {
  /** Milliseconds since 1970, with fractions; all threads of a process share this clock. */
  readonly startMs: number;
  readonly durationMs: number;
}

/** `marlin:turn`: a turn of every agent, without the report of the epoch that it may have ended. */
export interface TurnMessage extends Span {
  /** Number of the turn in its run, from 1. */
  readonly turn: number;
  /** Number of its epoch, from 1. */
  readonly epoch: number;
}

/** `marlin:train`: a training step, with the publication that it made due. */
export interface TrainMessage extends Span {
  readonly policy: string;
  /** Number of the training step, from 1. */
  readonly trainStep: number;
}

/** `marlin:publish`: weights were published. Lies within a training step, but for the last of a run. */
export interface PublishMessage extends Span {
  readonly policy: string;
  readonly version: number;
  /** Training steps that led to these weights. */
  readonly trainStep: number;
}

/**
 * What a thread waits for:
 * - `training`: an actor for a learner that is too far behind; `policy` says whose
 * - `report`: an actor until the main thread has taken its report of an epoch
 * - `turns`: a learner until it owes a training step, or may end
 * - `room`: the main thread to take what was recorded of the schedule; lies within a turn or a training step
 * - `pause`: the end of a pause, or of a checkpoint
 * - `events`: `sequential` alone: whatever else goes on in the thread
 */
export type WaitReason = (typeof waitReasons)[number];

export const waitReasons = ['training', 'report', 'turns', 'room', 'pause', 'events'] as const;

/** `marlin:wait`: one sleep of a thread. A long wait is several of them, of about a second each. */
export interface WaitMessage extends Span {
  readonly for: WaitReason;
  readonly policy: string | undefined;
}

/** What each channel carries. */
export interface ProbeMessages {
  readonly turn: TurnMessage;
  readonly train: TrainMessage;
  readonly publish: PublishMessage;
  readonly wait: WaitMessage;
}

interface Probe<Message> extends Channel {
  publish(message: Message): void;
}

function probe<Message>(name: string): Probe<Message> {
  return channel(name);
}

/**
 * Diagnostics channels, in every thread its own. Ask `hasSubscribers` before making a message: unobserved, a turn or a
 * training step must neither look at the clock nor allocate.
 */
export const probes = {
  turn: probe<TurnMessage>('marlin:turn'),
  train: probe<TrainMessage>('marlin:train'),
  publish: probe<PublishMessage>('marlin:publish'),
  wait: probe<WaitMessage>('marlin:wait'),
} as const;

/** The time where somebody listens to waits, otherwise 0: for {@link publishWait}. */
export function waitStartMs(): number {
  return probes.wait.hasSubscribers ? nowMs() : 0;
}

/** Tells of a wait that ends now. @param startMs as {@link waitStartMs} gave it */
export function publishWait(reason: WaitReason, startMs: number, policy?: string): void {
  if (startMs > 0) probes.wait.publish({ for: reason, policy, startMs, durationMs: nowMs() - startMs });
}
