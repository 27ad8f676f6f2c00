import { describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { advance, periodOf } from '#marlin/buffer/position.js';
import { totalRows } from '#marlin/buffer/ring-occupancy.js';
import { initializeRings, planRing, ringControl, ringControlView, rowFlags } from '#marlin/buffer/ring-plan.js';
import { RingWriter } from '#marlin/buffer/ring-writer.js';
import type { Transition } from '#marlin/buffer/ring-writer.js';
import { noSpan, TransitionSpan } from '#marlin/buffer/transition-span.js';
import { PlainMover } from './plain-mover.js';

const capacity = 24;

/** A ring whose observations are one byte, with a writer, and what there is in it. */
class Rig {
  readonly plan;
  readonly buffer: SharedArrayBuffer;
  writer: RingWriter;
  readonly #transition: Transition;
  readonly #bytes: Uint8Array;
  #written = 0;

  constructor(startPosition = 0) {
    const layout = new Layout();
    this.plan = planRing(layout, {
      capacity,
      observationSize: 1,
      observationDtype: 'u8',
      actionSize: 1,
      maskSize: 1,
      hasActionMask: false,
      fields: [],
      rings: 1,
      startPosition,
    });
    this.#transition = {
      observation: layout.reserve(1),
      action: new Int32Array(1),
      reward: 0,
      terminated: false,
      truncated: false,
      cut: false,
      finalObservation: layout.reserve(1),
      legal: 0,
      finalLegal: 0,
      fields: [],
    };
    this.buffer = new SharedArrayBuffer(Math.ceil(layout.end / 4) * 4);
    this.#bytes = new Uint8Array(this.buffer);
    initializeRings(this.buffer, this.plan);
    this.writer = this.successor();
  }

  get control(): Int32Array {
    return ringControlView(this.buffer, this.plan, 0);
  }

  get total(): number {
    return totalRows(this.control, this.plan, this.head);
  }

  get head(): number {
    return Atomics.load(this.control, ringControl.head);
  }

  successor(): RingWriter {
    return new RingWriter(this.buffer, this.plan, 0, new PlainMover(this.buffer));
  }

  /** One letter per step: `s`, or `t` truncated, `e` terminated, `c` cut. Rewards count from 1. */
  append(steps: string): void {
    for (const step of steps) {
      const transition = this.#transition;
      this.#bytes[transition.observation] = ++this.#written;
      this.#bytes[transition.finalObservation] = this.#written + 100;
      transition.reward = this.#written;
      transition.terminated = step === 'e';
      transition.truncated = step === 't';
      transition.cut = step === 'c';
      transition.action[0] = this.#written;
      this.writer.append(transition);
    }
  }

  pass(): void {
    this.writer.pass(this.#transition);
  }

  /** The newest rows, oldest first: observation, reward and what its flags say. */
  rows(count: number): string[] {
    return Array.from({ length: count }, (_, index) => {
      const row = advance(this.head, index - count, this.plan.period) % capacity;
      const flags = this.#bytes[this.plan.flags + row];
      const names = Object.entries(rowFlags).filter(([, flag]) => (flags & flag) !== 0);
      const reward = new Float32Array(this.buffer, this.plan.reward, capacity)[row];
      const step = new Int32Array(this.buffer, this.plan.episodeStep, capacity)[row];
      return [this.#bytes[this.plan.observation + row], reward, step, ...names.map(([name]) => name)].join(' ');
    });
  }

  /** How far a transition reaches that begins so many rows before the head. */
  span(back: number, steps: number): number {
    const span = new TransitionSpan(this.buffer, this.plan, steps);
    return span.at(0, advance(this.head, -back, this.plan.period), this.head);
  }
}

const period = periodOf(capacity);

/** Where positions are ordinary, where they wrap, and where a half of the period ends. */
const starts = [0, period - 3, period - 1, Math.ceil(period / 2) - 2];

describe.each(starts)('an episode in which a writer died is cut short (from position %d)', (start) => {
  it('its last observation becomes the boundary row, and the action without a successor is dropped', () => {
    const rig = new Rig(start);
    rig.append('esss');
    const { total } = rig;
    rig.successor().cutShort();
    expect(rig.rows(5)).toEqual(['101 0 1 boundary', '2 2 0', '3 3 1 truncated', '4 0 2 boundary', expect.any(String)]);
    // One row more moves the head: recorded samplers tell before from after by it.
    expect(rig.rows(1)[0]).toMatch(/boundary$/);
    expect(rig.total).toBe(total + 1);
    // The step before it has its successor, also for returns over more steps; none crosses into what follows.
    rig.writer = rig.successor();
    rig.append('sss');
    expect([7, 6, 5, 4].map((back) => rig.span(back, 3))).toEqual([2, 1, noSpan.ever, noSpan.ever]);
    expect(rig.rows(3)).toEqual(['5 5 0', '6 6 1', '7 7 2']);
  });

  it('of which there was one step: nothing of it is left', () => {
    const rig = new Rig(start);
    rig.append('es');
    rig.successor().cutShort();
    expect(rig.rows(4)).toEqual(['1 1 0 terminated', '101 0 1 boundary', '2 0 0 boundary', expect.any(String)]);
    rig.writer = rig.successor();
    rig.append('ss');
    expect([6, 5, 4, 3].map((back) => rig.span(back, 1))).toEqual([1, noSpan.ever, noSpan.ever, noSpan.ever]);
  });

  it.each(['', 'e', 'st'])('where there is none (after %o), nothing changes', (steps) => {
    const rig = new Rig(start);
    rig.append(steps);
    const before = new Uint8Array(rig.buffer).slice();
    rig.successor().cutShort();
    expect(new Uint8Array(rig.buffer)).toEqual(before);
  });

  it('twice is as once', () => {
    const rig = new Rig(start);
    rig.append('ess');
    rig.successor().cutShort();
    const before = new Uint8Array(rig.buffer).slice();
    rig.successor().cutShort();
    expect(new Uint8Array(rig.buffer)).toEqual(before);
  });
});

describe.each(starts)('half a rollout is taken back (from position %d)', (start) => {
  it('to the end of the rollout before', () => {
    const rig = new Rig(start);
    rig.writer.bookmark(0, 0);
    rig.append('sss');
    rig.writer.bookmark(4, 2);
    rig.append('c');
    const { head, total } = rig;
    rig.append('ss');
    rig.writer = rig.successor();
    // It goes on where the epoch began, at turn 0; four turns are in the ring.
    expect(rig.writer.rewind(0)).toBe(4);
    expect([rig.head, rig.total]).toEqual([head, total]);
    // Those are played again and not written.
    for (let turn = 0; turn < 4; turn++) rig.pass();
    rig.append('s');
    expect(rig.rows(1)).toEqual(['7 7 4']);
    expect(rig.successor().rewind(0)).toBe(4);
  });

  it('to the beginning of the epoch, where that is later', () => {
    const rig = new Rig(start);
    rig.writer.bookmark(4, 2);
    rig.append('c');
    rig.append('sst');
    const { head } = rig;
    rig.writer.bookmark(7, 0);
    rig.append('ss');
    expect(rig.successor().rewind(7)).toBe(7);
    expect(rig.head).toBe(head);
  });

  it('not where the writer died between two epochs', () => {
    const rig = new Rig(start);
    rig.writer.bookmark(4, 2);
    rig.append('c');
    rig.append('sst');
    const { head } = rig;
    expect(rig.successor().rewind(7)).toBe(7);
    expect(rig.head).toBe(head);
  });

  it('a bookmark whose rows were never whole does not hold', () => {
    const rig = new Rig(start);
    rig.writer.bookmark(0, 0);
    const { head } = rig;
    rig.append('sss');
    rig.writer.bookmark(4, 2);
    expect(rig.successor().rewind(0)).toBe(0);
    expect(rig.head).toBe(head);
    expect(rig.total).toBe(0);
  });
});
