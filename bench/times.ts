import { interleave, ratios, secondsOf, spreadOf } from './bench.js';
import type { Spread } from './bench.js';

/** What a candidate does `calls` times a round; `call` is told which call of the round it is. */
interface RepeatedCall {
  readonly calls: number;
  readonly call: (index: number) => unknown;
}

/** Or how it measures a round itself, where it runs in another process. */
type Candidate = RepeatedCall | { readonly secondsPerCall: () => Promise<number> };

const warmRounds = 5;

/** Times by candidate, taken in turns once the engine has compiled all of them. */
export class Times<Name extends string> {
  readonly #seconds: ReadonlyMap<string, readonly number[]>;

  private constructor(seconds: ReadonlyMap<string, readonly number[]>) {
    this.#seconds = seconds;
  }

  static async of<Name extends string>(candidates: Readonly<Record<Name, Candidate>>): Promise<Times<Name>> {
    const names = Object.keys(candidates) as Name[];
    const rounds = names.map((name) => roundOf(candidates[name]));
    for (const secondsPerCall of rounds) for (let round = 0; round < warmRounds; round++) await secondsPerCall();
    const measured = await interleave(rounds);
    return new Times(new Map(names.map((name, index) => [name, measured[index]])));
  }

  microseconds(name: Name): Spread {
    return spreadOf(this.#of(name).map((seconds) => seconds * 1e6));
  }

  /** How often `name` runs while `reference` runs once. */
  rate(name: Name, reference: Name): Spread {
    return spreadOf(ratios(this.#of(reference), this.#of(name)));
  }

  #of(name: Name): readonly number[] {
    return this.#seconds.get(name) ?? [];
  }
}

function roundOf(candidate: Candidate): () => number | Promise<number> {
  if ('secondsPerCall' in candidate) return candidate.secondsPerCall;
  const { calls, call } = candidate;
  return () => {
    const seconds = secondsOf(() => {
      for (let index = 0; index < calls; index++) call(index);
    });
    return seconds / calls;
  };
}
