import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, MarlSystem } from 'marlin-rl';
import type { TurnMessage } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { LossyQueue, planLossyQueue } from '#marlin/buffer/lossy-queue.js';
import { traceWidth } from '#marlin/metrics/trace-event.js';
import { TraceFile } from '#marlin/system/trace-file.js';
import { failureOf, trial } from './trial-run.js';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-trace-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

interface TraceEvent {
  readonly ph: 'M' | 'X' | 'i';
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  readonly cat?: string;
  /** Microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, unknown>>;
}

interface Trace {
  readonly traceEvents: readonly TraceEvent[];
  readonly otherData: {
    readonly events: number;
    readonly missing: Readonly<Record<string, number>>;
    readonly endedAtLimit: boolean;
  };
}

async function traceOf(directory: string): Promise<Trace> {
  return JSON.parse(await readFile(join(directory, 'trace.json'), 'utf8')) as Trace;
}

/** What took time in each thread, by the thread's name, in the order in which it began. */
function spansByThread({ traceEvents }: Trace): Record<string, TraceEvent[]> {
  const names = traceEvents.filter(({ ph, name }) => ph === 'M' && name === 'thread_name');
  return Object.fromEntries(
    names.map(({ tid, args }) => [
      String(args['name']),
      traceEvents
        .filter((event) => event.ph === 'X' && event.tid === tid)
        // What lies within another that begins with it comes after it.
        .toSorted((left, right) => left.ts - right.ts || right.dur - left.dur),
    ]),
  );
}

function count(spans: readonly TraceEvent[], category: string): number {
  return spans.filter(({ cat }) => cat === category).length;
}

/** Begin and end in whole nanoseconds, in which sums are exact. */
function bounds({ ts, dur }: TraceEvent): readonly [start: number, end: number] {
  return [Math.round(ts * 1e3), Math.round(ts * 1e3) + Math.round(dur * 1e3)];
}

/** What lies within or across another without right: only publications lie within training steps. */
function overlaps(spans: readonly TraceEvent[]): string[] {
  const found: string[] = [];
  let around: TraceEvent | undefined;
  for (const span of spans) {
    const [start, end] = bounds(span);
    const outerEnd = around === undefined ? -Infinity : bounds(around)[1];
    if (around === undefined || start >= outerEnd) around = span;
    else if (span.cat !== 'publish' || around.cat !== 'train' || end > outerEnd) {
      found.push(`${span.name} at ${span.ts} and ${around.name} at ${around.ts} for ${around.dur}`);
    }
  }
  return found;
}

describe.each(['sequential', 'lockstep', 'async'] as const)('the trace of a run: %s', (execution) => {
  it('has a track per thread, with every turn, training step and publication', async () => {
    const directory = join(scratch, execution);
    const configuration = trial({}, { parallel: { execution, learnerWorkers: 2 }, output: { directory, trace: true } });
    const summary = await new MarlSystem(configuration).run();
    expect((await readdir(directory)).filter((file) => file.startsWith('trace'))).toEqual(['trace.json']);
    const trace = await traceOf(directory);
    const threads = spansByThread(trace);
    const isSequential = execution === 'sequential';
    expect(Object.keys(threads)).toEqual(isSequential ? ['main'] : ['actor-0', 'learner-0', 'learner-1']);
    const actor = isSequential ? threads['main'] : threads['actor-0'];
    const turns = actor.filter(({ cat }) => cat === 'turn');
    const numbers = Array.from({ length: summary.turns }, (_, index) => index + 1);
    expect(turns.map(({ args }) => args['turn'])).toEqual(numbers);
    expect(turns.map(({ args }) => args['epoch'])).toEqual(numbers.map((turn) => Math.ceil(turn / 20)));
    for (const [index, { id, trainSteps, weightsVersion }] of summary.agents.entries()) {
      const learner = isSequential ? threads['main'] : threads[`learner-${index}`];
      const steps = learner.filter(({ name }) => name === `train ${id}`).map(({ args }) => args['trainStep']);
      expect(trainSteps).toBeGreaterThan(0);
      expect(steps).toEqual(Array.from({ length: trainSteps }, (_, step) => step + 1));
      const versions = learner.filter(({ name }) => name === `publish ${id}`).map(({ args }) => args['version']);
      expect(versions).toEqual(Array.from({ length: weightsVersion }, (_, version) => version + 1));
    }
    for (const spans of Object.values(threads)) expect(overlaps(spans)).toEqual([]);
    const spans = Object.values(threads).flat();
    expect(spans.every(({ pid, ts, dur }) => pid === 1 && ts >= 0 && dur >= 0)).toBe(true);
    const missing = Object.fromEntries(Object.keys(threads).map((name) => [name, 0]));
    expect(trace.otherData).toEqual({ events: spans.length, missing, endedAtLimit: false });
  });

  it('is written while the run goes on: it may be longer than queues are', async () => {
    const directory = join(scratch, `${execution}-long`);
    const agents = { count: 1, algorithm: { name: 'random' } };
    const experiment = { epochs: Infinity, totalTurns: 100_000, maxTurns: 1_000 };
    const output = { directory, trace: true };
    await new MarlSystem(trial({}, { agents, experiment, parallel: { execution }, output })).run();
    const { otherData } = await traceOf(directory);
    const missing = Object.values(otherData.missing).reduce((sum, dropped) => sum + dropped);
    expect(otherData.events + missing).toBeGreaterThanOrEqual(100_000);
    // The queue of a thread holds 32 768 events.
    expect(otherData.events).toBeGreaterThan(50_000);
  });

  it('is whole also where the run fails', async () => {
    const directory = join(scratch, `${execution}-failed`);
    const options = { fail: 'epoch', failTurn: 5 };
    const configuration = trial(options, { parallel: { execution }, output: { directory, trace: true } });
    expect(await failureOf(new MarlSystem(configuration).run())).toMatchObject({ code: 'E_WORLD' });
    const threads = spansByThread(await traceOf(directory));
    expect(count(Object.values(threads).flat(), 'turn')).toBe(100);
  });
});

/** What threads wait for in a run that is paused again and again in its first half, as `thread: what`. */
async function waitsOf(execution: 'sequential' | 'lockstep' | 'async'): Promise<Set<string>> {
  const directory = join(scratch, `${execution}-waits`);
  const experiment = { epochs: 60, maxTurns: 10, checkpointEvery: 10 };
  const parallel = { execution, learnerWorkers: 1, maxTrainingLag: 0 };
  const output = { directory, trace: true };
  const system = new MarlSystem(trial({ busyMs: 1 }, { experiment, parallel, output }));
  system.addSink({
    write(record) {
      // Actors wait for checkpoints: none is so far ahead of its reports that the run could end meanwhile.
      if (record.kind !== 'episode' || record.episode > 30) return;
      system.pause();
      setTimeout(() => system.resume(), 10);
    },
    close: async () => {},
  });
  await system.run();
  const threads = spansByThread(await traceOf(directory));
  for (const spans of Object.values(threads)) expect(overlaps(spans)).toEqual([]);
  const waits = Object.entries(threads).flatMap(([thread, spans]) =>
    spans.filter(({ cat }) => cat === 'wait').map(({ name }) => `${thread}: ${name}`),
  );
  return new Set(waits);
}

describe('what threads wait for is in the trace:', () => {
  it('sequential', async () => {
    expect([...(await waitsOf('sequential'))].toSorted()).toEqual(['main: wait for events', 'main: wait for pause']);
  });

  it.each(['lockstep', 'async'] as const)('%s', async (execution) => {
    const expected = [
      'actor-0: wait for pause',
      'actor-0: wait for report',
      expect.stringMatching(/^actor-0: wait for training agent-[01]$/),
      'learner-0: wait for pause',
      'learner-0: wait for turns',
    ];
    expect([...(await waitsOf(execution))]).toEqual(expect.arrayContaining(expected));
  });
});

/** What a sequential run of so many epochs traces. */
async function tracedRun(epochs: number): Promise<TraceEvent[]> {
  const directory = join(scratch, `beside-${epochs}`);
  const parallel = { execution: 'sequential' } as const;
  const output = { directory, trace: true };
  await new MarlSystem(trial({ busyMs: 1 }, { experiment: { epochs }, parallel, output })).run();
  return spansByThread(await traceOf(directory))['main'];
}

it('two runs on one thread, one at a time, do not get into each other’s traces', async () => {
  const told: number[] = [];
  const take = (message: unknown): void => void told.push((message as TurnMessage).turn);
  subscribe('marlin:turn', take);
  const traces = await Promise.all([tracedRun(10), tracedRun(12)]);
  unsubscribe('marlin:turn', take);
  // They did take turns at it.
  expect(told.filter((turn, index) => index > 0 && turn !== told[index - 1] + 1).length).toBeGreaterThan(2);
  expect(traces.map((spans) => count(spans, 'turn'))).toEqual([200, 240]);
  for (const spans of traces) expect(overlaps(spans)).toEqual([]);
});

it('an actor’s own thread has probes too', async () => {
  const heard = new Int32Array(new SharedArrayBuffer(5 * 4));
  const module = new URL('./fixtures/listener.js', import.meta.url);
  const configuration = trial({ heard }, { parallel: { execution: 'async', maxTrainingLag: 0 } });
  const summary = await new MarlSystem({ ...configuration, environment: { module } }).run();
  const [turns, outOfOrder, trainSteps, publications, waits] = heard;
  expect([turns, outOfOrder, trainSteps, publications]).toEqual([summary.turns, 0, 0, 0]);
  expect(waits).toBeGreaterThan(0);
});

describe('no trace', () => {
  it('is written, nor is memory taken for one, unless it is asked for', async () => {
    const directory = join(scratch, 'none');
    await new MarlSystem(trial({}, { output: { directory } })).run();
    expect((await readdir(directory)).filter((file) => file.startsWith('trace'))).toEqual([]);
  });

  it('can be had of a run without a directory', () => {
    const configuration = trial({}, { output: { trace: true } });
    expect(() => new MarlSystem(configuration)).toThrow(ConfigurationError);
    expect(() => new MarlSystem(configuration)).toThrow(/^output\.trace is true, but must be false where/);
  });
});

/** A trace of one thread, whose queue holds so many events. */
function makeTrace(
  name: string,
  capacity: number,
  limit?: number,
): { file: TraceFile; directory: string; push: (turn: number) => void } {
  const layout = new Layout();
  const plan = planLossyQueue(layout, traceWidth, capacity);
  const queue = new LossyQueue(new SharedArrayBuffer(layout.end), plan);
  const file = new TraceFile(join(scratch, name), new Map([['actor-0', queue]]), ['a "b"'], { limit });
  const push = (turn: number): void => queue.push(Float64Array.of(0, performance.timeOrigin + turn, 0.5, -1, turn, 1));
  return { file, directory: scratch, push };
}

async function eventsOf(name: string): Promise<{ readonly seen: unknown[]; readonly about: Trace['otherData'] }> {
  const { traceEvents, otherData } = JSON.parse(await readFile(join(scratch, name), 'utf8')) as Trace;
  const seen = traceEvents
    .filter(({ ph }) => ph !== 'M')
    .map(({ ph, name: what, args }) => (ph === 'i' ? what : args['turn']));
  return { seen, about: otherData };
}

describe('a trace file', () => {
  it('says where and how many events are missing that found no room', async () => {
    const { file, push } = makeTrace('dropped.json', 4);
    for (let turn = 1; turn <= 7; turn++) push(turn);
    file.drain();
    for (let turn = 8; turn <= 9; turn++) push(turn);
    await file.close();
    const { seen, about } = await eventsOf('dropped.json');
    expect(seen).toEqual([1, 2, 3, 4, '3 events are missing here', 8, 9]);
    expect(about).toEqual({ events: 6, missing: { 'actor-0': 3 }, endedAtLimit: false });
  });

  it('ends at its limit and says so', async () => {
    const { file, push } = makeTrace('limited.json', 4, 5);
    for (let turn = 1; turn <= 11; turn++) {
      push(turn);
      if (turn % 3 === 0) file.drain();
    }
    // What finds no room is not missing now.
    for (let turn = 12; turn <= 20; turn++) push(turn);
    await file.close();
    const { seen, about } = await eventsOf('limited.json');
    expect(seen).toEqual([1, 2, 3, 4, 5, 'The trace ends here: it has its 5 events']);
    expect(about).toEqual({ events: 5, missing: { 'actor-0': 0 }, endedAtLimit: true });
  });

  it('has its name only once it is whole', async () => {
    const { file, push } = makeTrace('whole.json', 4);
    push(1);
    file.drain();
    expect(await readdir(scratch)).not.toContain('whole.json');
    await file.close();
    await file.close();
    const files = (await readdir(scratch)).filter((name) => name.startsWith('whole'));
    expect(files).toEqual(['whole.json']);
  });

  it('that cannot be written tells whoever holds the run', async () => {
    let failures = 0;
    const path = join(scratch, 'nowhere', 'trace.json');
    const file = new TraceFile(path, new Map([['main', undefined]]), [], { onFailure: () => failures++ });
    const error = await failureOf(file.close());
    expect(error).toMatchObject({ code: 'ERR_RUN_DIRECTORY', cause: { code: 'ENOENT' } });
    expect(failures).toBe(1);
  });
});
