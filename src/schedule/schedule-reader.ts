import { MarlinError } from '../errors.js';
import type { EventKind } from './schedule-format.js';
import { eventKind, numbersOf, scheduleMagic } from './schedule-format.js';

/** One event of a stream. The object and its list are reused. */
export interface ScheduledEvent {
  readonly kind: EventKind;
  readonly numbers: readonly number[];
}

/** One thread's schedule as a file holds it. */
export class ScheduleStream {
  readonly #bytes: Uint8Array;
  readonly #name: string;
  readonly #stepNumbers: readonly number[];

  /**
   * @param name of the file, for errors
   * @param stepNumbers per policy, see `numbersPerStep`
   * @throws MarlinError `ERR_SCHEDULE` where it is no schedule of this version
   */
  constructor(bytes: Uint8Array, name: string, stepNumbers: readonly number[]) {
    if (scheduleMagic.some((byte, index) => bytes[index] !== byte)) {
      throw new MarlinError('ERR_SCHEDULE', `${name} is no schedule of this version of Marlin.`);
    }
    this.#bytes = bytes;
    this.#name = name;
    this.#stepNumbers = stepNumbers;
  }

  /** The events of these kinds of one policy, in order. Ends at the first that is not whole: its thread was cut off. */
  *events(policy: number, kinds: readonly EventKind[]): Generator<ScheduledEvent, void, undefined> {
    const bytes = this.#bytes;
    let place = scheduleMagic.length;
    const next = (): number | undefined => {
      let value = 0;
      for (let factor = 1; place < bytes.length; factor *= 128) {
        const byte = bytes[place++];
        value += (byte & 127) * factor;
        if (byte < 128) return value;
      }
      return undefined;
    };
    for (;;) {
      const began = place;
      const tag = next();
      if (tag === undefined) return;
      const [kind, owner] = [tag % 8, Math.floor(tag / 8)];
      const stepNumbers = this.#stepNumbers[owner] as number | undefined;
      if (stepNumbers === undefined) throw this.#damaged(began);
      const numbers: number[] = [];
      let count = numbersOf(kind as EventKind, stepNumbers);
      for (let index = 0; index < count; index++) {
        const number = next();
        if (number === undefined) return;
        if (kind === eventKind.tornStep && index === 0) count += number;
        numbers.push(number);
      }
      if (owner === policy && kinds.includes(kind as EventKind)) yield { kind: kind as EventKind, numbers };
    }
  }

  /** The last event of a kind; undefined where there is none. */
  last(policy: number, kind: EventKind): ScheduledEvent | undefined {
    return [...this.events(policy, [kind])].at(-1);
  }

  #damaged(place: number): MarlinError {
    return new MarlinError('ERR_SCHEDULE', `${this.#name} is damaged: there is no such event as at byte ${place}.`);
  }
}
