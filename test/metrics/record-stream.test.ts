import type { TrainingRecord } from 'marlin-rl';
import { describe, expect, it, vi } from 'vitest';
import { RecordStream } from '#marlin/metrics/record-stream.js';

function fault(message: string): TrainingRecord {
  return {
    kind: 'fault',
    timestamp: '2026-11-20T14:30:00.000Z',
    worker: 'main',
    code: undefined,
    message,
    recovered: false,
  };
}

const nothing = (): void => {};
const end = { done: true, value: undefined };

describe('a record stream', () => {
  it('gives what was written, in order, and then ends', async () => {
    const stream = new RecordStream(nothing);
    stream.write(fault('a'));
    stream.write(fault('b'));
    const third = stream
      .next()
      .then(() => stream.next())
      .then(() => stream.next());
    stream.write(fault('c'));
    expect(await third).toEqual({ done: false, value: fault('c') });
    await stream.close();
    expect(await stream.next()).toEqual(end);
    expect(await stream.next()).toEqual(end);
  });

  it('wakes every reader that waits', async () => {
    const stream = new RecordStream(nothing);
    const readers = [stream.next(), stream.next(), stream.next()];
    stream.write(fault('a'));
    stream.write(fault('b'));
    await stream.close();
    expect(await Promise.all(readers)).toEqual([
      { done: false, value: fault('a') },
      { done: false, value: fault('b') },
      end,
    ]);
  });

  it('gives the records before a failure, and throws it once', async () => {
    const stream = new RecordStream(nothing);
    stream.write(fault('a'));
    stream.fail(new Error('gone'));
    expect(await stream.next()).toEqual({ done: false, value: fault('a') });
    await expect(stream.next()).rejects.toThrow('gone');
    expect(await stream.next()).toEqual(end);
  });

  it('lets go of a reader that waits when another leaves', async () => {
    const onReturn = vi.fn<() => void>();
    const stream = new RecordStream(onReturn);
    const waiting = stream.next();
    expect(await stream.return()).toEqual(end);
    expect(await waiting).toEqual(end);
    expect(onReturn).toHaveBeenCalledOnce();
    stream.write(fault('too late'));
    expect(await stream.next()).toEqual(end);
  });
});
