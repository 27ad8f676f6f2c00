import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Layout } from '#marlin/buffer/layout.js';
import { periodOf } from '#marlin/buffer/position.js';
import { initializeRings, planRing } from '#marlin/buffer/ring-plan.js';
import type { Transition } from '#marlin/buffer/ring-writer.js';
import { RingWriter } from '#marlin/buffer/ring-writer.js';
import { planRolloutBatch, rolloutEnd } from '#marlin/buffer/rollout-batch.js';
import {
  initializeRolloutState,
  minimumRolloutCapacity,
  planRolloutLists,
  RolloutSampler,
  rolloutStateBytes,
} from '#marlin/buffer/rollout-sampler.js';
import { RandomStream } from '#marlin/random.js';
import { PlainMover } from './plain-mover.js';

interface RolloutSizes {
  readonly turns: number;
  readonly rings: number;
  readonly frames: number;
  readonly trainingSteps: number;
  /** Rows beyond the least that is allowed. */
  readonly spareRows: number;
  readonly startsNearWrap: boolean;
}

/** What a step was, told apart by its observation: every observation is another number. */
interface ModelStep {
  readonly observation: number;
  /** Of the state behind it; read where the episode or the rollout ended. */
  readonly next: number;
  readonly frames: readonly number[];
  readonly nextFrames: readonly number[];
  readonly action: number;
  readonly reward: number;
  readonly end: number;
}

/** Rings that are written rollout by rollout as an actor does, beside a plain list of what was written. */
class RolloutRig {
  readonly sampler: RolloutSampler;
  readonly #sizes: RolloutSizes;
  readonly #random: RandomStream;
  readonly #writers: readonly RingWriter[];
  readonly #transition: Transition;
  readonly #buffer: SharedArrayBuffer;
  readonly #batch: ReturnType<typeof planRolloutBatch>;
  readonly #episodes: number[][];
  #observations = 0;
  #actions = 0;

  constructor(sizes: RolloutSizes, seed: number) {
    const { turns, rings, frames, trainingSteps } = sizes;
    const capacity = minimumRolloutCapacity(turns, frames) + sizes.spareRows;
    const layout = new Layout();
    const fields = [{ name: 'note', dtype: 'f32', size: 2 }] as const;
    const plan = planRing(layout, {
      capacity,
      observationSize: 1,
      observationDtype: 'f32',
      actionSize: 2,
      maskSize: 3,
      hasActionMask: true,
      fields,
      rings,
      startPosition: sizes.startsNearWrap ? periodOf(capacity) - turns - 1 : 0,
    });
    const batchSizes = { turns, rings, observationSize: frames, actionSize: 2, maskSize: 3 };
    this.#batch = planRolloutBatch(layout, batchSizes, true, fields);
    const lists = planRolloutLists(layout, turns * rings, frames);
    const state = layout.reserve(rolloutStateBytes(rings));
    this.#transition = {
      observation: layout.reserve(4),
      action: new Int32Array(2),
      reward: 0,
      terminated: false,
      truncated: false,
      cut: false,
      finalObservation: layout.reserve(4),
      legal: layout.reserve(3),
      finalLegal: layout.reserve(3),
      fields: [new Float32Array(2)],
    };
    this.#buffer = new SharedArrayBuffer(Math.ceil(layout.end / 4) * 4);
    this.#sizes = sizes;
    this.#random = RandomStream.named({ seed, role: 'test' });
    initializeRings(this.#buffer, plan);
    initializeRolloutState(this.#buffer, plan, state);
    const mover = new PlainMover(this.#buffer);
    this.#writers = Array.from({ length: rings }, (_, ring) => new RingWriter(this.#buffer, plan, ring, mover));
    this.#episodes = this.#writers.map(() => []);
    const rule = { frames, observationScale: 1, trainingSteps };
    this.sampler = new RolloutSampler(this.#buffer, plan, this.#batch, rule, lists, mover, state);
  }

  /** Writes `turns` turns of every ring, the last of them cut. */
  play(turns = this.#sizes.turns): ModelStep[][] {
    return this.#writers.map((writer, ring) =>
      Array.from({ length: turns }, (_, turn) => this.#step(writer, ring, turn === this.#sizes.turns - 1)),
    );
  }

  #step(writer: RingWriter, ring: number, cut: boolean): ModelStep {
    const draw = this.#random.integer(12);
    const [terminated, truncated] = [draw === 0, draw === 1];
    const episode = this.#episodes[ring];
    // After a cut, the same state is seen again: but an environment may have moved on, so another number.
    const [observation, next] = [++this.#observations, ++this.#observations];
    episode.push(observation);
    const transition = this.#transition;
    new Float32Array(this.#buffer)[transition.observation / 4] = observation;
    new Float32Array(this.#buffer)[transition.finalObservation / 4] = next;
    new Uint8Array(this.#buffer).fill(observation % 2, transition.legal, transition.legal + 3);
    const action = ++this.#actions;
    transition.action.set([action, -action]);
    (transition.fields[0] as Float32Array).set([action / 2, action / 4]);
    Object.assign(transition, { reward: action / 8, terminated, truncated, cut });
    writer.append(transition);
    const model = {
      observation,
      next,
      frames: this.#stack(episode),
      nextFrames: this.#stack([...episode, next]),
      action,
      reward: action / 8,
      end: terminated ? rolloutEnd.terminated : truncated || cut ? rolloutEnd.cut : rolloutEnd.none,
    };
    if (terminated || truncated) episode.length = 0;
    return model;
  }

  #stack(episode: readonly number[]): number[] {
    const { frames } = this.#sizes;
    return Array.from({ length: frames }, (_, frame) => episode[episode.length - frames + frame] ?? 0);
  }

  /** The batch as it lies in memory, in the words of the model. */
  taken(): ModelStep[][] {
    const { turns, rings, frames } = this.#sizes;
    const batch = this.#batch;
    const floats = new Float32Array(this.#buffer);
    const integers = new Int32Array(this.#buffer);
    const bytes = new Uint8Array(this.#buffer);
    const row = (offset: number, index: number) => [
      ...floats.subarray(offset / 4 + index * frames, offset / 4 + (index + 1) * frames),
    ];
    return Array.from({ length: rings }, (_, ring) =>
      Array.from({ length: turns }, (__, turn) => {
        const index = ring * turns + turn;
        const stack = row(batch.observation, index);
        const observation = stack[frames - 1];
        const cut = integers[batch.cutRow / 4 + index];
        const behind = cut < 0 ? [] : row(batch.cutObservation, cut);
        const [action, negated] = integers.subarray(batch.action / 4 + 2 * index);
        const [half, quarter] = floats.subarray(batch.fields[0] / 4 + 2 * index);
        const isOneRow = negated === -action && half === action / 2 && quarter === action / 4;
        if (!isOneRow || bytes[(batch.legal ?? 0) + 3 * index] !== observation % 2) {
          throw new Error(`The columns of step ${index} are of different rows.`);
        }
        return {
          observation,
          next: behind.at(-1) ?? Number.NaN,
          frames: stack,
          nextFrames: behind,
          action,
          reward: floats[batch.reward / 4 + index],
          end: bytes[batch.end + index],
        };
      }),
    );
  }
}

/** What a trainer may know of a step: what lies behind it only where it was cut. */
function seenOf(steps: readonly (readonly ModelStep[])[]): ModelStep[][] {
  return steps.map((ring) =>
    ring.map((step) => (step.end === rolloutEnd.cut ? step : { ...step, next: Number.NaN, nextFrames: [] })),
  );
}

const sizes = fc.record<RolloutSizes>({
  turns: fc.integer({ min: 1, max: 12 }),
  rings: fc.integer({ min: 1, max: 3 }),
  frames: fc.integer({ min: 1, max: 4 }),
  trainingSteps: fc.integer({ min: 1, max: 3 }),
  spareRows: fc.integer({ min: 0, max: 9 }),
  startsNearWrap: fc.boolean(),
});

describe('a rollout sampler', () => {
  it('hands out every step once, in order, with what lies behind those that were cut', () => {
    const property = fc.property(sizes, fc.nat(), (given, seed) => {
      const rig = new RolloutRig(given, seed);
      for (let rollout = 0; rollout < 5; rollout++) {
        expect(rig.sampler.ready()).toBe(false);
        const played = rig.play();
        for (let step = 0; step < given.trainingSteps; step++) {
          expect(rig.sampler.ready()).toBe(true);
          rig.sampler.sample();
          expect(rig.taken()).toEqual(seenOf(played));
          rig.sampler.learned();
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('waits for the last turn of a rollout', () => {
    const rig = new RolloutRig(
      { turns: 6, rings: 2, frames: 2, trainingSteps: 1, spareRows: 0, startsNearWrap: true },
      1,
    );
    rig.play(5);
    expect(rig.sampler.ready()).toBe(false);
  });

  it('refuses what was overwritten before it was learnt', () => {
    const rig = new RolloutRig(
      { turns: 6, rings: 1, frames: 1, trainingSteps: 1, spareRows: 0, startsNearWrap: false },
      1,
    );
    for (let rollout = 0; rollout < 4; rollout++) rig.play();
    expect(() => rig.sampler.sample()).toThrow(/overwritten before it was learnt/);
  });
});
