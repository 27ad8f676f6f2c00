import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue, planByteQueue } from '#marlin/buffer/byte-queue.js';
import { Layout } from '#marlin/buffer/layout.js';
import { eventKind, numbersOf, scheduleMagic } from '#marlin/schedule/schedule-format.js';
import type { EventKind } from '#marlin/schedule/schedule-format.js';
import { ScheduleStream } from '#marlin/schedule/schedule-reader.js';
import { ScheduleWriter } from '#marlin/schedule/schedule-writer.js';

const stepNumbers = [1, 2, 4];

interface Written {
  readonly policy: number;
  readonly kind: EventKind;
  readonly numbers: readonly number[];
}

const anyNumber = fc.oneof(fc.nat(300), fc.maxSafeNat());

const anyEvent: fc.Arbitrary<Written> = fc
  .tuple(fc.nat(2), fc.constantFrom(...Object.values(eventKind)), fc.array(anyNumber, { maxLength: 9 }))
  .chain(([policy, kind, list]): fc.Arbitrary<Written> => {
    if (kind === eventKind.tornStep) return fc.constant({ policy, kind, numbers: [list.length, ...list] });
    const count = numbersOf(kind, stepNumbers[policy] ?? 0);
    return fc.array(anyNumber, { minLength: count, maxLength: count }).map((numbers) => ({ policy, kind, numbers }));
  });

/** Writes events through a queue so small that the writer has to wait within them. */
function bytesOf(events: readonly Written[], capacity = 8): Uint8Array {
  const layout = new Layout();
  const plan = planByteQueue(layout, capacity);
  const buffer = new SharedArrayBuffer(layout.end);
  const consumer = new ByteQueue(buffer, plan);
  const taken: number[] = [...scheduleMagic];
  const takeAll = (): void => {
    taken.push(...(consumer.take() ?? []));
  };
  const writer = new ScheduleWriter(new ByteQueue(buffer, plan), {
    call: () => {},
    waitUntil: (hasRoom) => {
      takeAll();
      return hasRoom();
    },
  });
  for (const { policy, kind, numbers } of events) {
    writer.begin(kind, policy);
    for (const number of numbers) writer.number(number);
    writer.end();
  }
  takeAll();
  return Uint8Array.from(taken);
}

function read(bytes: Uint8Array, policy: number, kinds: readonly EventKind[]): Written[] {
  const stream = new ScheduleStream(bytes, 'test.bin', stepNumbers);
  return [...stream.events(policy, kinds)].map(({ kind, numbers }) => ({ policy, kind, numbers }));
}

const allKinds = Object.values(eventKind);

describe('a schedule', () => {
  it('gives back what was written, by policy and kind, in order', () => {
    fc.assert(
      fc.property(fc.array(anyEvent), fc.subarray(allKinds), (events, kinds) => {
        const bytes = bytesOf(events);
        for (const policy of [0, 1, 2]) {
          const expected = events.filter((event) => event.policy === policy && kinds.includes(event.kind));
          expect(read(bytes, policy, kinds)).toEqual(expected);
        }
      }),
    );
  });

  it('cut off anywhere gives the whole events before', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 8 }), (events) => {
        const bytes = bytesOf(events);
        for (let length = scheduleMagic.length; length <= bytes.length; length++) {
          const found = [0, 1, 2].flatMap((policy) => read(bytes.subarray(0, length), policy, allKinds));
          const whole = events.filter((_, index) => bytesOf(events.slice(0, index + 1)).length <= length);
          expect(found.length).toBe(whole.length);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('of something else, or damaged, is refused', () => {
    const bytes = bytesOf([{ policy: 0, kind: eventKind.end, numbers: [5] }]);
    const other = bytes.with(0, 0);
    expect(() => new ScheduleStream(other, 'other.bin', stepNumbers)).toThrow(/other\.bin is no schedule/);
    for (const tag of [3 * 8, 3 * 8 + 7]) {
      const damaged = bytes.with(scheduleMagic.length, tag);
      expect(() => read(damaged, 0, allKinds)).toThrow(/damaged: there is no such event as at byte 5/);
    }
  });

  it('is given up by a writer whose run is: nothing more is written, nothing waits', () => {
    const layout = new Layout();
    const plan = planByteQueue(layout, 8);
    const buffer = new SharedArrayBuffer(layout.end);
    let waits = 0;
    const writer = new ScheduleWriter(new ByteQueue(buffer, plan), {
      call: () => {},
      waitUntil: () => {
        waits++;
        return false;
      },
    });
    for (let event = 0; event < 100; event++) {
      writer.begin(eventKind.end, 0);
      writer.number(1_000_000);
      writer.end();
    }
    expect(waits).toBe(1);
    expect(new ByteQueue(buffer, plan).length).toBe(8);
  });
});
