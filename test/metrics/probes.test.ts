import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { PublishMessage, TrainMessage, TurnMessage } from 'marlin-rl';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Actor } from '#marlin/actor/actor.js';
import type { Learner } from '#marlin/learner/learner.js';
import { ProbeSubscription } from '#marlin/metrics/probe-subscription.js';
import { buildLearner } from '#marlin/system/learner-wiring.js';
import { buildInOneThread } from '../actor/one-thread.js';
import { ScriptedEnvironment } from '../actor/scripted-environment.js';

const names = ['marlin:turn', 'marlin:train', 'marlin:publish', 'marlin:wait'];

async function makeRig(): Promise<{ readonly actor: Actor; readonly learner: Learner }> {
  const environment = new ScriptedEnvironment(1, ({ rewards }) => rewards.fill(1));
  const { actor, share } = await buildInOneThread(environment, {
    agents: { algorithm: { name: 'dqn', hiddenSizes: [4], frameStack: 1, nStep: 2 } },
    parallel: { batchSize: 4, bufferCapacity: 64, publishInterval: 5 },
  });
  return { actor, learner: await buildLearner(share, 0) };
}

/** Two epochs of 20 turns and a bit, then 12 training steps. */
function work({ actor, learner }: Awaited<ReturnType<typeof makeRig>>): void {
  for (let turn = 0; turn < 45; turn++) actor.playTurn();
  for (let step = 0; step < 12; step++) learner.trainStep();
  learner.finish();
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** All that is told from now on, in order. */
function listen(): (readonly [name: string, message: unknown])[] {
  const heard: [string, unknown][] = [];
  const take = (message: unknown, name: string | symbol): void => void heard.push([String(name), message]);
  for (const name of names) subscribe(name, take);
  ends.push(() => {
    for (const name of names) unsubscribe(name, take);
  });
  return heard;
}

describe('probes', () => {
  it('tell of every turn with its epoch', async () => {
    const rig = await makeRig();
    const heard = listen();
    work(rig);
    const turns = heard.filter(([name]) => name === 'marlin:turn').map(([, message]) => message as TurnMessage);
    expect(turns.map(({ turn }) => turn)).toEqual(Array.from({ length: 45 }, (_, index) => index + 1));
    expect(turns.map(({ epoch }) => epoch)).toEqual(turns.map(({ turn }) => Math.ceil(turn / 20)));
  });

  it('tell of every training step after the publication that it made due, and of the last publication alone', async () => {
    const rig = await makeRig();
    const heard = listen();
    work(rig);
    const training = heard.filter(([name]) => name !== 'marlin:turn');
    const told = training.map(([name, message]) => {
      const { trainStep, version } = message as TrainMessage & PublishMessage;
      return name === 'marlin:publish' ? `version ${version} of step ${trainStep}` : trainStep;
    });
    const [first, second, last] = ['version 1 of step 5', 'version 2 of step 10', 'version 3 of step 12'];
    expect(told).toEqual([1, 2, 3, 4, first, 5, 6, 7, 8, 9, second, 10, 11, 12, last]);
    expect(training.every(([, message]) => (message as TrainMessage).policy === 'agent-0')).toBe(true);
  });

  it('say when, by a clock that threads share', async () => {
    const rig = await makeRig();
    const heard = listen();
    const before = performance.timeOrigin + performance.now();
    work(rig);
    const after = performance.timeOrigin + performance.now();
    const spans = heard.map(([, message]) => message as TurnMessage);
    expect(spans.length).toBeGreaterThan(0);
    for (const { startMs, durationMs } of spans) {
      expect(startMs).toBeGreaterThanOrEqual(before);
      expect(durationMs).toBeGreaterThanOrEqual(0);
      expect(startMs + durationMs).toBeLessThanOrEqual(after);
    }
  });

  it('neither publish nor look at the clock where nobody listens, also once somebody did', async () => {
    const rig = await makeRig();
    // Compiled and warm, and a listener has come and gone.
    listen();
    work(rig);
    for (const end of ends.splice(0)) end();
    const looks = vi.spyOn(performance, 'now');
    const published = names.map((name) => vi.spyOn(channel(name), 'publish'));
    for (let turn = 0; turn < 10; turn++) rig.actor.playTurn();
    for (let step = 0; step < 10; step++) rig.learner.trainStep();
    const calls = [looks, ...published].map(({ mock }) => mock.calls.length);
    vi.restoreAllMocks();
    expect(calls).toEqual([0, 0, 0, 0, 0]);
  });
});

describe('a subscription', () => {
  it('hears nothing while it is suspended, and nothing once it has ended', async () => {
    const rig = await makeRig();
    const heard: number[] = [];
    const subscription = new ProbeSubscription({ turn: ({ turn }) => heard.push(turn) });
    rig.actor.playTurn();
    subscription.isSuspended = true;
    rig.actor.playTurn();
    subscription.isSuspended = false;
    rig.actor.playTurn();
    expect(channel('marlin:turn').hasSubscribers).toBe(true);
    expect(channel('marlin:train').hasSubscribers).toBe(false);
    subscription.end();
    expect(channel('marlin:turn').hasSubscribers).toBe(false);
    rig.actor.playTurn();
    expect(heard).toEqual([1, 3]);
  });
});
