import { describe, expect, it } from 'vitest';
import { ActorLoop } from '#marlin/actor/actor-loop.js';
import type { Actor } from '#marlin/actor/actor.js';
import type { PolicyLink } from '#marlin/actor/policy-link.js';
import { Doorbell, doorbellWords } from '#marlin/buffer/doorbell.js';
import { Layout, sectionAlignment } from '#marlin/buffer/layout.js';
import { planRecordQueue, RecordQueue } from '#marlin/buffer/record-queue.js';
import { WideCounter, wideCounterWords } from '#marlin/buffer/wide-counter.js';
import { WorkerControl } from '#marlin/buffer/worker-control.js';

/** A learner's doorbell whose owner sleeps for good: each ring is counted, and none ends the sleep. */
function sleepersBell(): { readonly bell: Doorbell; rings(): number } {
  const words = new Int32Array(new SharedArrayBuffer(doorbellWords * 4));
  words[1] = 1;
  return { bell: new Doorbell(words, 0), rings: () => Atomics.load(words, 0) };
}

it('an actor that begins to wait rings the learner it waits for, though nothing new is owed', () => {
  // What the learner lacked may have been rows for a first batch, not training steps to do: it would sleep on.
  const { bell, rings } = sleepersBell();
  const layout = new Layout();
  const plan = planRecordQueue(layout, 1, 4);
  const actor = { turns: 7, finished: false, waitedMs: 0, reportEnd: () => {}, playTurn: () => {} };
  let looks = 0;
  const link = {
    trainingLag: 1,
    waitedMs: 0,
    owed: () => 0,
    isBehind: () => {
      looks++;
      const isRung = rings() > 0;
      actor.finished = isRung || looks > 2;
      return !isRung && looks <= 2;
    },
  };
  new ActorLoop({
    actor: actor as unknown as Actor,
    links: [link as unknown as PolicyLink],
    turns: new WideCounter(new Int32Array(new SharedArrayBuffer(wideCounterWords * 4)), 0),
    control: new WorkerControl(new SharedArrayBuffer(sectionAlignment), 0),
    learners: [bell],
    main: sleepersBell().bell,
    reports: new RecordQueue(new SharedArrayBuffer(layout.end), plan),
    isAwaited: () => false,
  }).run();
  // The first look lets it wait; rung before it sleeps, the learner is done at the second, and there is no sleep.
  expect(looks).toBe(2);
});

/** Plays `count` turns from those given, and returns what is counted before the first and after the last. */
function counts(counted: number, turns: number, count: number): [before: number | undefined, after: number] {
  const counter = new WideCounter(new Int32Array(new SharedArrayBuffer(wideCounterWords * 4)), 0);
  counter.set(counted);
  let before: number | undefined;
  const actor = {
    turns,
    finished: count === 0,
    waitedMs: 0,
    reportEnd: () => {},
    playTurn() {
      before ??= counter.value();
      actor.turns++;
      actor.finished = actor.turns === turns + count;
    },
  };
  const layout = new Layout();
  const plan = planRecordQueue(layout, 1, 4);
  new ActorLoop({
    actor: actor as unknown as Actor,
    links: [],
    turns: counter,
    control: new WorkerControl(new SharedArrayBuffer(sectionAlignment), 0),
    learners: [],
    main: sleepersBell().bell,
    reports: new RecordQueue(new SharedArrayBuffer(layout.end), plan),
    isAwaited: () => false,
  }).run();
  return [before, counter.value()];
}

describe('turns that an actor counts', () => {
  it('are those of the run', () => {
    expect(counts(0, 0, 5)).toEqual([0, 5]);
  });

  it('earn nothing while they repeat those of an actor that died', () => {
    expect(counts(120, 100, 5)).toEqual([120, 120]);
    expect(counts(120, 100, 25)).toEqual([120, 125]);
  });

  it('include one that was told and not counted by an actor that died behind its report', () => {
    expect(counts(99, 100, 1)).toEqual([100, 101]);
    expect(counts(99, 100, 0)).toEqual([undefined, 100]);
  });
});
