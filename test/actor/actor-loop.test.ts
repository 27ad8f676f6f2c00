import { expect, it } from 'vitest';
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
