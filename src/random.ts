import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator';

/**
 * What a stream of random numbers is for. Together with the seed this names the stream, so that no draw depends
 * on which thread ran first.
 */
export interface StreamName {
  readonly seed: number;
  /** Who draws, for example `environment`, `exploration`, `replay`, `initial-weights`. */
  readonly role: string;
  /** The agent or policy that the stream belongs to; omitted where a stream serves them all. */
  readonly agent?: string;
  /** Number of the environment copy. */
  readonly copy?: number;
  readonly epoch?: number;
}

/** A generator's whole state: four 32-bit integers. */
export type StreamState = readonly number[];

const twoTo32 = 2 ** 32;
const twoToMinus32 = 2 ** -32;
const twoToMinus53 = 2 ** -53;
/** Up to this count, a 32-bit draw times the count is exact in a float64. */
const largestExactCount = 2 ** 21;

/** A named stream of random numbers (xoroshiro128+ from pure-rand). Drawing allocates nothing. */
export class RandomStream {
  readonly #generator: JumpableRandomGenerator;

  private constructor(state: StreamState) {
    this.#generator = xoroshiro128plusFromState(state);
  }

  static named(name: StreamName): RandomStream {
    return new RandomStream(stateOf(name));
  }

  static fromState(state: StreamState): RandomStream {
    return new RandomStream(state);
  }

  /** The state from which {@link fromState} goes on. Allocates one small array. */
  state(): StreamState {
    return this.#generator.getState();
  }

  /** Uniform in [0, 1), a multiple of 2⁻³². */
  uniform(): number {
    return (this.#generator.next() >>> 0) * twoToMinus32;
  }

  /** Uniform in [0, 1), a multiple of 2⁻⁵³: where the tail matters. Takes two draws. */
  uniformPrecise(): number {
    const high = this.#generator.next() >>> 5;
    const low = this.#generator.next() >>> 6;
    return (high * 2 ** 26 + low) * twoToMinus53;
  }

  /** The bits of `integer(2 ** 32)`, signed: a number that the engine never puts on the heap. */
  word(): number {
    return this.#generator.next() ^ 0x80000000;
  }

  /** Uniform integer in [0, count), without bias. `count` is at least 1 and at most 2³². */
  integer(count: number): number {
    if (count > largestExactCount) return uniformInt(this.#generator, 0, count - 1);
    // The high word of draw × count, drawn again where the low word says that this result would come too often (Lemire
    // 2019, arXiv 1805.10941). Twice as fast as a remainder of floats, and sampling draws once a transition.
    for (;;) {
      const product = (this.#generator.next() >>> 0) * count;
      const high = Math.floor(product * twoToMinus32);
      const low = product - high * twoTo32;
      if (low >= count || low >= twoTo32 % count) return high;
    }
  }
}

/**
 * Hashes a stream's name to a generator state: FNV-1a over the name's fields with four different offsets, each word
 * then mixed by the finalizer of MurmurHash3, so that neighbouring seeds, copies and epochs share nothing.
 */
function stateOf(name: StreamName): StreamState {
  const text = [name.seed, name.role, name.agent ?? '', name.copy ?? 0, name.epoch ?? 0].join('\u001f');
  const words = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35].map((offset) => mix(fnv1a(text, offset)));
  // xoroshiro128+ must not start from all zeros; setting one bit costs nothing in quality.
  words[0] = words[0] | 1;
  return words;
}

function fnv1a(text: string, offset: number): number {
  let hash = offset;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}

function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) | 0;
}
