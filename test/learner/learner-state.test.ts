import { describe, expect, it } from 'vitest';
import type { BlockMover } from '#marlin/buffer/block-mover.js';
import { Layout } from '#marlin/buffer/layout.js';
import { algorithmState, committedParameters, LearnerState, planLearnerState } from '#marlin/learner/learner-state.js';
import { RandomStream } from '#marlin/random.js';
import { PlainMover } from '../buffer/plain-mover.js';

const algorithmBytes = 64;
const layout = new Layout(128);
const plan = planLearnerState(layout, algorithmBytes, 0, 2);

function makeMemory(): {
  readonly buffer: SharedArrayBuffer;
  readonly working: Uint8Array;
  readonly committed: Uint8Array;
} {
  const buffer = new SharedArrayBuffer(Math.ceil(layout.end / 4) * 4);
  return {
    buffer,
    working: new Uint8Array(buffer, algorithmState(plan), algorithmBytes),
    committed: new Uint8Array(buffer, committedParameters(plan), algorithmBytes),
  };
}

/** A thread that is killed in the middle of a copy. */
class DyingMover extends PlainMover implements BlockMover {
  override copyBytes(destination: number, source: number, bytes: number): void {
    super.copyBytes(destination, source, bytes / 2);
    throw new Error('killed');
  }
}

function stream(seed: number): RandomStream {
  return RandomStream.named({ seed, role: 'test' });
}

/** Draws of a stream: what it will give next. */
function draws(random: RandomStream): number[] {
  return Array.from({ length: 5 }, () => random.uniform());
}

describe('the state of a learner', () => {
  it('is committed whole: parameters, random stream and count', () => {
    const { buffer, working, committed } = makeMemory();
    const state = new LearnerState(buffer, plan, new PlainMover(buffer));
    working.fill(1);
    state.commit(stream(1), 5_000_000_000);
    expect([...committed]).toEqual([...working]);
    expect(state.savedProgress()).toEqual({
      trainSteps: 5_000_000_000,
      committedAt: 5_000_000_000,
    });
    expect(draws(state.savedRandom())).toEqual(draws(stream(1)));
  });

  it('goes back to the last commit where a learner was killed between two', () => {
    const { buffer, working, committed } = makeMemory();
    const state = new LearnerState(buffer, plan, new PlainMover(buffer));
    working.fill(1);
    state.commit(stream(1), 10);
    // Training goes on, and the thread dies in the middle of a step.
    working.fill(2, 0, 30);
    const next = new LearnerState(buffer, plan, new PlainMover(buffer));
    next.recover();
    expect([...working]).toEqual(Array.from({ length: algorithmBytes }, () => 1));
    expect([...committed]).toEqual([...working]);
    expect(next.savedProgress().trainSteps).toBe(10);
    expect(draws(next.savedRandom())).toEqual(draws(stream(1)));
  });

  it('loses nothing where a learner was killed while it committed', () => {
    const { buffer, working, committed } = makeMemory();
    new LearnerState(buffer, plan, new PlainMover(buffer)).commit(stream(1), 10);
    working.fill(3);
    const dying = new LearnerState(buffer, plan, new DyingMover(buffer));
    expect(() => dying.commit(stream(2), 20)).toThrow('killed');
    expect([...committed]).not.toEqual([...working]);
    const next = new LearnerState(buffer, plan, new PlainMover(buffer));
    next.recover();
    expect([...committed]).toEqual(Array.from({ length: algorithmBytes }, () => 3));
    expect(next.savedProgress().trainSteps).toBe(20);
    expect(draws(next.savedRandom())).toEqual(draws(stream(2)));
    // The commit is over now: another recovery goes back to it.
    working.fill(4);
    next.recover();
    expect([...working]).toEqual([...committed]);
  });

  it('can be recovered before anything was trained', () => {
    const { buffer, working } = makeMemory();
    const state = new LearnerState(buffer, plan, new PlainMover(buffer));
    working.fill(7);
    state.commit(stream(1), 0);
    state.recover();
    expect(state.savedProgress().trainSteps).toBe(0);
    expect([...working]).toEqual(Array.from({ length: algorithmBytes }, () => 7));
  });
});
