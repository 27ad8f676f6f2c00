import { describe, expect, it } from 'vitest';
import { sectionAlignment } from '#marlin/buffer/layout.js';
import { ringControl, ringControlView, rowFlags } from '#marlin/buffer/ring-plan.js';
import { command, WorkerControl } from '#marlin/buffer/worker-control.js';
import { restoreCheckpoint, takeCheckpoint } from '#marlin/system/checkpoint.js';
import { RestartWindow } from '#marlin/system/restart-window.js';
import { Recovery } from '#marlin/system/recovery.js';
import { RunMonitor } from '#marlin/system/run-monitor.js';
import type { ScheduleFiles } from '#marlin/system/schedule-files.js';
import { pinsOf, turnsOf } from '#marlin/system/run-share.js';
import { buildInOneThread } from '../actor/one-thread.js';
import { ScriptedEnvironment } from '../actor/scripted-environment.js';

it('an actor that died leaves no pin, no open episode, and goes on where its last epoch ended', async () => {
  const environment = new ScriptedEnvironment(1, ({ rewards }) => rewards.fill(1));
  const { actor, share } = await buildInOneThread(environment, {
    agents: { algorithm: { name: 'dqn', hiddenSizes: [4], frameStack: 1, nStep: 2 } },
    parallel: { batchSize: 4, bufferCapacity: 64 },
  });
  for (let turn = 0; turn < 7; turn++) actor.playTurn();
  turnsOf(share, 0).set(7);
  const [pin] = pinsOf(share, 0);
  pin.words[pin.index] = 2;
  const records: unknown[] = [];
  const monitor = new RunMonitor(share, () => {});
  const recovery = new Recovery({ share, monitor, schedule: undefined, emit: (record) => records.push(record) });
  const error = Object.assign(new Error('gone'), { code: 'E_GONE' });
  const task = recovery.actor(0, error);
  expect(pin.words[pin.index]).toBe(0);
  const { rings } = share.plan.policies[0];
  const { buffer } = share.policyMemories[0];
  const head = ringControlView(buffer, rings, 0)[ringControl.head];
  expect(new Uint8Array(buffer, rings.flags)[head - 1] & rowFlags.boundary).toBe(rowFlags.boundary);
  expect(task.share.start).toEqual({ row: Array.from({ length: monitor.shape.width }, () => 0), rewards: [] });
  expect(records).toEqual([
    {
      kind: 'fault',
      timestamp: expect.any(String),
      worker: 'actor-0',
      code: 'E_GONE',
      message: 'gone',
      recovered: true,
      turns_lost: 7,
    },
  ]);
});

it('a checkpoint inside an epoch leaves no open episode either', async () => {
  const configuration = {
    agents: { algorithm: { name: 'dqn', hiddenSizes: [4], frameStack: 1, nStep: 2 } },
    parallel: { batchSize: 4, bufferCapacity: 64 },
  };
  const environment = new ScriptedEnvironment(1, ({ rewards }) => rewards.fill(1));
  const { actor, share } = await buildInOneThread(environment, configuration);
  for (let turn = 0; turn < 7; turn++) actor.playTurn();
  const checkpoint = takeCheckpoint(share, new RunMonitor(share, () => {}), true);
  const { share: resumed } = await buildInOneThread(environment, configuration);
  restoreCheckpoint(resumed, checkpoint);
  const { rings } = resumed.plan.policies[0];
  const { buffer } = resumed.policyMemories[0];
  const head = ringControlView(buffer, rings, 0)[ringControl.head];
  // Seven steps, the last of which became the boundary row, and the second boundary row.
  expect(head).toBe(8);
  expect(new Uint8Array(buffer, rings.flags)[head - 1] & rowFlags.boundary).toBe(rowFlags.boundary);
});

it('half a rollout is taken back before it is noted how far the actor was: its successor may not live to do so', async () => {
  const environment = new ScriptedEnvironment(1, ({ rewards }) => rewards.fill(1));
  const { actor, share } = await buildInOneThread(environment, {
    agents: { algorithm: { name: 'ppo', hiddenSizes: [4], rolloutTurns: 16, minibatchSize: 8, passes: 2 } },
  });
  for (let turn = 0; turn < 20; turn++) actor.playTurn();
  const heads: number[] = [];
  const schedule = {
    beginLife: () => {},
    note: (...[, , , numbers]: Parameters<ScheduleFiles['note']>) => heads.push(numbers[1]),
  };
  const recovery = new Recovery({
    share,
    monitor: new RunMonitor(share, () => {}),
    schedule: schedule as unknown as ScheduleFiles,
    emit: () => {},
  });
  recovery.actor(0, new Error('gone'));
  recovery.actor(0, new Error('gone before it began'));
  // Sixteen steps and the boundary row of the rollout.
  expect(heads).toEqual([17, 17]);
});

it('the line of a worker that died is made ready for the next: not held; what was asked remains asked', () => {
  const control = new WorkerControl(new SharedArrayBuffer(sectionAlignment), 0);
  control.ask(command.pause);
  control.heldAt = 7;
  control.reset();
  expect([control.isHeld, control.command]).toEqual([false, command.pause]);
});

describe('restarts', () => {
  it('are allowed so many times within a time, which slides', () => {
    const window = new RestartWindow({ maxRestarts: 2, withinMs: 100 });
    const allowed = [0, 50, 60, 100, 101, 140, 151, 152].map((ms) => window.allows(ms));
    expect(allowed).toEqual([true, true, false, false, true, false, true, false]);
  });

  it('are never allowed, or always', () => {
    const never = new RestartWindow({ maxRestarts: 0, withinMs: Infinity });
    expect(never.allows(0)).toBe(false);
    const always = new RestartWindow({ maxRestarts: Infinity, withinMs: Infinity });
    expect(Array.from({ length: 50 }, () => always.allows(0))).not.toContain(false);
  });
});
