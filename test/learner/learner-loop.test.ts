import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { owedTrainSteps } from '#marlin/algorithms/training-rate.js';
import { sectionAlignment } from '#marlin/buffer/layout.js';
import { WideCounter, wideCounterWords } from '#marlin/buffer/wide-counter.js';
import { command, WorkerControl } from '#marlin/buffer/worker-control.js';
import type { Learner } from '#marlin/learner/learner.js';
import type { LearnerShare } from '#marlin/learner/learner-loop.js';
import { LearnerLoop } from '#marlin/learner/learner-loop.js';

/** Counts what is asked of it. */
class CountingLearner {
  trainSteps = 0;
  finished = 0;
  isReady = true;
  readonly #onStep: () => void;

  constructor(onStep: () => void = () => {}) {
    this.#onStep = onStep;
  }

  save(): void {}

  trainStep(): void {
    this.#onStep();
    this.trainSteps++;
  }

  finish(): void {
    this.finished++;
  }
}

const everyTurn = { trainInterval: 1, gradientSteps: 1, learningStarts: 0 };

function shareOf(learner: CountingLearner, priority = 1, maxTrainingLag = 32): LearnerShare {
  return { learner: learner as unknown as Learner, priority, rate: everyTurn, maxTrainingLag };
}

function makeControl(buffer = new SharedArrayBuffer(sectionAlignment)): WorkerControl {
  return new WorkerControl(buffer, 0);
}

/** A loop over learners whose actor is done after `turns` turns. */
function makeLoop(
  shares: readonly LearnerShare[],
  turns: number,
  control = makeControl(),
  actor = makeControl(),
): LearnerLoop {
  const counter = new WideCounter(new Int32Array(new SharedArrayBuffer(wideCounterWords * 4)), 0);
  counter.set(turns);
  actor.markDone();
  return new LearnerLoop({ shares, turns: [counter], actors: [actor], control, main: { ring() {} } });
}

describe('what is owed', () => {
  it('is as the plan has it', () => {
    const slow = { trainInterval: 4, gradientSteps: 3, learningStarts: 10 };
    expect([0, 9, 10, 13, 14, 17, 18, 1e12 + 10].map((turns) => owedTrainSteps(turns, slow))).toEqual([
      0, 0, 0, 0, 3, 3, 6, 0.75e12,
    ]);
    expect(owedTrainSteps(1e9, { ...slow, gradientSteps: 0 })).toBe(0);
  });

  it('never falls, and is a multiple of gradientSteps', () => {
    const positive = fc.integer({ min: 1, max: 50 });
    const property = fc.property(
      positive,
      positive,
      fc.nat(200),
      fc.nat(5_000),
      (trainInterval, gradientSteps, learningStarts, turns) => {
        const rate = { trainInterval, gradientSteps, learningStarts };
        const owed = owedTrainSteps(turns, rate);
        const next = owedTrainSteps(turns + 1, rate);
        return owed % gradientSteps === 0 && (next === owed || next === owed + gradientSteps);
      },
    );
    expect(fc.check(property).counterexample).toBeNull();
  });
});

function spinFiveMs(): void {
  const then = performance.now() + 5;
  while (performance.now() < then);
}

describe('a learner worker', () => {
  it('serves the policy that is furthest behind, weighted by priority', () => {
    const priorities = [1, 3, 0.5];
    const owed = 60;
    const arrears = (index: number): number => (owed - learners[index].trainSteps) * priorities[index];
    const chosen: boolean[] = [];
    const learners: CountingLearner[] = priorities.map(
      (_, own) =>
        new CountingLearner(() => chosen.push(priorities.every((__, other) => arrears(other) <= arrears(own)))),
    );
    makeLoop(
      learners.map((learner, index) => shareOf(learner, priorities[index])),
      owed,
    ).run();
    expect(chosen).toHaveLength(3 * owed);
    expect(chosen.every(Boolean)).toBe(true);
  });

  it('does all that is owed and no more, then finishes each and says that it is done', () => {
    const learners = [new CountingLearner(), new CountingLearner()];
    const control = makeControl();
    makeLoop(
      learners.map((learner) => shareOf(learner)),
      25,
      control,
    ).run();
    for (const learner of learners) expect(learner).toMatchObject({ trainSteps: 25, finished: 1 });
    expect(control.isDone).toBe(true);
  });

  it('passes over a policy that has no batch yet', () => {
    const [ready, unready] = [new CountingLearner(), new CountingLearner()];
    unready.isReady = false;
    makeLoop([shareOf(unready, 100), shareOf(ready)], 25).run();
    expect([ready.trainSteps, unready.trainSteps]).toEqual([25, 0]);
  });

  it('ends at once when it is told to give up', () => {
    const learner = new CountingLearner();
    const control = makeControl();
    control.ask(command.abort);
    makeLoop([shareOf(learner)], 1_000, control).run();
    expect(learner).toMatchObject({ trainSteps: 0, finished: 1 });
    expect(control.isDone).toBe(true);
  });

  it('does not train for ever what is owed when it is told to stop', () => {
    const learner = new CountingLearner(spinFiveMs);
    const control = makeControl();
    control.ask(command.stop);
    makeLoop([shareOf(learner)], 1e9, control).run();
    expect(learner.trainSteps).toBeGreaterThan(0);
    // 250 ms of steps of 5 ms.
    expect(learner.trainSteps).toBeLessThanOrEqual(51);
    expect(learner.finished).toBe(1);
  });
});

describe('an actor that waits', () => {
  it.each([
    [6, 1],
    [1, 1],
    [0, 1],
    [Infinity, 0],
  ])('at a lag of more than %s is rung %s time on the way to 0', (maxTrainingLag, expected) => {
    const buffer = new SharedArrayBuffer(sectionAlignment);
    const words = new Int32Array(buffer);
    const [ringsWord, sleepingWord] = [1, 2];
    // Asleep for good: each ring is then counted, and none ends the sleep.
    words[sleepingWord] = 1;
    const learner = new CountingLearner();
    makeLoop([shareOf(learner, 1, maxTrainingLag)], 10, makeControl(), makeControl(buffer)).run();
    expect(learner.trainSteps).toBe(10);
    expect(words[ringsWord]).toBe(expected);
  });
});

describe('a learner worker in lockstep', () => {
  it('does what the turns of a round make owed, says so, and nothing more until they have moved on', () => {
    const log: string[] = [];
    // The rows of a batch arrive while turn 6 is under way: after the meeting of turn 5, before turn 6 is counted.
    let rowsCome = false;
    let turns = 5;
    let looks = 0;
    const learner = new CountingLearner(() => log.push(`step in turn ${turns}`));
    Object.defineProperty(learner, 'isReady', { get: () => rowsCome });
    const counter = {
      value: () => {
        if (rowsCome && ++looks === 5) turns = 6;
        return turns;
      },
    };
    const meeting = {
      set: (met: number) => {
        log.push(`met ${met}`);
        rowsCome = met >= 5;
      },
    };
    const actor = makeControl();
    Object.defineProperty(actor, 'isDone', { get: () => turns === 6 });
    new LearnerLoop({
      shares: [shareOf(learner, 1, 0)],
      turns: [counter as unknown as WideCounter],
      actors: [actor],
      main: { ring() {} },
      control: makeControl(),
      meeting: meeting as unknown as WideCounter,
    }).run();
    expect(log).toEqual(['met 0', 'met 5', ...Array.from({ length: 6 }, () => 'step in turn 6'), 'met 6']);
  });

  it('does not begin a round while it is paused', () => {
    const buffer = new SharedArrayBuffer(sectionAlignment);
    const control = makeControl(buffer);
    control.ask(command.pause);
    let looks = 0;
    let met = -1;
    const learner = new CountingLearner();
    // Whoever asks for the turns while the worker is paused is counted; then the pause ends.
    const counter = {
      value: () => {
        if (control.command === command.pause) looks++;
        return 3;
      },
    };
    const actor = makeControl();
    actor.markDone();
    resumeFromOutside(buffer);
    new LearnerLoop({
      shares: [shareOf(learner, 1, 0)],
      turns: [counter as unknown as WideCounter],
      actors: [actor],
      main: { ring() {} },
      control,
      meeting: { set: (turns: number) => (met = turns) } as unknown as WideCounter,
    }).run();
    expect(looks).toBe(0);
    expect(met).toBe(3);
    expect(learner.trainSteps).toBe(3);
  });
});

/** The loop holds this thread: another one lets it go on, after a while. */
function resumeFromOutside(buffer: SharedArrayBuffer): void {
  const code = `
    const words = new Int32Array(require('node:worker_threads').workerData);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    Atomics.store(words, 0, ${command.run});
  `;
  void new Worker(code, { eval: true, workerData: buffer });
}
