import type { BlockMover } from '#marlin/buffer/block-mover.js';
import { Layout } from '#marlin/buffer/layout.js';
import { PrioritizedDraw } from '#marlin/buffer/prioritized-draw.js';
import type { PriorityLists, PrioritySettings, PriorityState } from '#marlin/buffer/priority-plan.js';
import { initializePriorityState, planPriorityLists, planPriorityState } from '#marlin/buffer/priority-plan.js';
import type { RingPlan, RingSpec } from '#marlin/buffer/ring-plan.js';
import { initializeRings, planRing } from '#marlin/buffer/ring-plan.js';
import { sumTreeNodes } from '#marlin/buffer/sum-tree.js';
import type { ReaderLists, SamplingRule } from '#marlin/buffer/transition-reader.js';
import { RingSampler } from '#marlin/buffer/ring-sampler.js';
import { RingWindows } from '#marlin/buffer/ring-windows.js';
import { planReaderLists } from '#marlin/buffer/transition-reader.js';
import type { Transition } from '#marlin/buffer/ring-writer.js';
import { RingWriter } from '#marlin/buffer/ring-writer.js';
import type { TransitionBatch } from '#marlin/buffer/transition-batch.js';
import { planTransitionBatch } from '#marlin/buffer/transition-batch.js';
import { UniformDraw } from '#marlin/buffer/uniform-draw.js';
import { RandomStream } from '#marlin/random.js';
import type { ModelMoment, ModelSample, ModelStep } from './ring-model.js';
import { RingModel } from './ring-model.js';
import { PlainMover } from './plain-mover.js';
import { PlainPriorities } from './plain-priorities.js';

export interface RigOptions {
  readonly spec: RingSpec;
  readonly batchSize: number;
  readonly rule: SamplingRule;
  readonly seed: number;
  /** Drawn by priority; left out: uniformly. */
  readonly priorities?: PrioritySettings;
  /** What the sampler sees of the rings; left out: what is there, or what a test makes of it in between. */
  readonly windows?: (...parts: ConstructorParameters<typeof RingWindows>) => RingWindows;
}

/** A mover that a test can let die inside a row: after so many more copies it throws. */
class MortalMover extends PlainMover {
  copiesLeft = Infinity;

  override copyBytes(destination: number, source: number, bytes: number): void {
    if (this.copiesLeft-- <= 0) throw new Error('The writer died.');
    super.copyBytes(destination, source, bytes);
  }
}

/** A mover that lets a test act before each gather. */
class InterruptedMover extends PlainMover {
  interrupt = () => {};

  override gatherRowsU8ToF32(...block: Parameters<BlockMover['gatherRowsU8ToF32']>): void {
    this.interrupt();
    super.gatherRowsU8ToF32(...block);
  }

  override gatherRowsF32(...block: Parameters<BlockMover['gatherRowsF32']>): void {
    this.interrupt();
    super.gatherRowsF32(...block);
  }
}

/** Windows that let a test act before each look at a ring's positions. */
class InterruptedWindows extends RingWindows {
  interrupt = () => {};

  protected override loadHead(ring: number): number {
    this.interrupt();
    return super.loadHead(ring);
  }

  override loadClaim(ring: number): number {
    this.interrupt();
    return super.loadClaim(ring);
  }
}

/** Rings, their writers and their sampler on one thread, beside a model of each ring. */
export class RingRig {
  readonly plan: RingPlan;
  /** First byte behind the rings, which lie first. */
  readonly ringEnd: number;
  readonly buffer: SharedArrayBuffer;
  readonly batch: TransitionBatch;
  sampler: RingSampler;
  readonly models: readonly RingModel[];
  readonly writers: RingWriter[];
  /** Chooses everything that the test leaves open. */
  readonly random: RandomStream;

  readonly #options: RigOptions;
  readonly #mover: InterruptedMover;
  readonly #windows: RingWindows;
  readonly #writerMover: MortalMover;
  readonly #transition: Transition;
  readonly #readerLists: ReaderLists;
  readonly #priorityState: PriorityState;
  readonly #priorityLists: PriorityLists;
  /** Bytes of the state that outlives a sampler: from its first to behind its last. */
  readonly #state: readonly [number, number];
  #actions = 0;

  constructor(options: RigOptions) {
    const { spec, batchSize, rule, seed } = options;
    const layout = new Layout();
    const observationBytes = spec.observationSize * (spec.observationDtype === 'u8' ? 1 : 4);
    this.plan = planRing(layout, spec);
    this.ringEnd = layout.end;
    this.batch = planTransitionBatch(
      layout,
      batchSize,
      rule.frames * spec.observationSize,
      spec.actionSize,
      spec.maskSize,
      spec.hasActionMask,
    );
    const { rings, capacity } = spec;
    this.#readerLists = planReaderLists(layout, batchSize, rule.frames);
    this.#priorityLists = planPriorityLists(layout, rings, capacity, batchSize);
    this.#priorityState = planPriorityState(layout, rings, capacity);
    this.#state = [this.#priorityState.trainingSteps, layout.end];
    this.#transition = {
      observation: layout.reserve(observationBytes),
      action: new Int32Array(spec.actionSize),
      reward: 0,
      terminated: false,
      truncated: false,
      cut: false,
      finalObservation: layout.reserve(observationBytes),
      legal: layout.reserve(spec.maskSize),
      finalLegal: layout.reserve(spec.maskSize),
      fields: spec.fields.map((field) => Array.from({ length: field.size }, () => 0)),
    };
    this.buffer = new SharedArrayBuffer(Math.ceil(layout.end / 4) * 4);
    initializeRings(this.buffer, this.plan);
    this.#options = options;
    this.#mover = new InterruptedMover(this.buffer);
    this.#writerMover = new MortalMover(this.buffer);
    this.random = RandomStream.named({ seed, role: 'test' });
    this.models = Array.from({ length: spec.rings }, () => new RingModel());
    this.writers = this.models.map((_, ring) => this.#writer(ring));
    initializePriorityState(this.buffer, this.plan, this.#priorityState);
    const makeWindows = options.windows ?? ((...parts) => new InterruptedWindows(...parts));
    this.#windows = makeWindows(this.buffer, this.plan, rule.frames);
    this.sampler = this.#makeSampler();
  }

  #makeSampler(): RingSampler {
    const { buffer, plan, batch } = this;
    const { rule, seed, priorities } = this.#options;
    const windows = this.#windows;
    const random = RandomStream.named({ seed, role: 'replay' });
    // Left behind by whoever used the memory before.
    new Float64Array(buffer, this.#priorityLists.sums, sumTreeNodes(plan.rings * plan.capacity)).fill(Number.NaN);
    const draw =
      priorities === undefined
        ? new UniformDraw(plan, batch.size, windows, random)
        : new PrioritizedDraw({
            buffer,
            plan,
            batch,
            windows,
            random,
            steps: rule.steps,
            settings: priorities,
            state: this.#priorityState,
            lists: this.#priorityLists,
            kernels: new PlainPriorities(buffer),
          });
    return new RingSampler(buffer, plan, batch, rule, this.#readerLists, this.#mover, draw);
  }

  /** What a commit would save of the sampler. */
  savedState(): Uint8Array {
    return new Uint8Array(this.buffer).slice(...this.#state);
  }

  /** Puts another sampler in the place of one that died, on the state that was saved. */
  recover(saved: Uint8Array): void {
    new Uint8Array(this.buffer).set(saved, this.#state[0]);
    this.#interrupt(() => {});
    this.sampler = this.#makeSampler();
  }

  /** Largest leaf ever learnt. */
  get topLeaf(): number {
    return new Float32Array(this.buffer, this.#priorityState.top, 1)[0];
  }

  /** Leaves that are not 0, by the action that names the transition. */
  leaves(): Map<number, number> {
    const { plan, buffer } = this;
    const rows = plan.rings * plan.capacity;
    const actions = new Int32Array(buffer, plan.action, rows * plan.actionSize);
    const leaves = new Float32Array(buffer, this.#priorityState.leaves, rows);
    const entries = Array.from(leaves, (leaf, row): [number, number] => [actions[row * plan.actionSize], leaf]);
    return new Map(entries.filter(([, leaf]) => leaf !== 0));
  }

  /** Gives every transition of the batch the error that `errorOf` says, and lets the sampler learn it. */
  learn(errorOf: (action: number) => number): void {
    const errors = new Float32Array(this.buffer, this.batch.priority, this.batch.size);
    errors.set(this.sampled().map(({ action }) => errorOf(action)));
    this.sampler.learned();
  }

  /** Writes a step of random content. */
  append(ring: number, end: 'open' | 'terminated' | 'truncated'): void {
    const step = this.#step();
    const final = this.#moment();
    this.#stage(step, end, final);
    this.writers[ring].append(this.#transition);
    this.models[ring].append(step, end, final);
  }

  /** Lets the writer of a ring die at one of the copies of an append, and puts another in its place. */
  replaceWriter(ring: number, end: 'open' | 'terminated' | 'truncated'): void {
    const copies = (end === 'open' ? 1 : 2) * (this.plan.hasActionMask ? 2 : 1);
    this.#stage(this.#step(), end, this.#moment());
    this.#writerMover.copiesLeft = this.random.integer(copies);
    try {
      this.writers[ring].append(this.#transition);
      throw new Error('The writer outlived its append.');
    } catch (thrown) {
      if (!(thrown instanceof Error) || thrown.message !== 'The writer died.') throw thrown;
    }
    this.#writerMover.copiesLeft = Infinity;
    this.models[ring].abandon();
    this.writers[ring] = this.#writer(ring);
  }

  /** Fills the batch while `interrupt` runs at every step that the sampler shares with the writers. */
  sampleInterrupted(interrupt: () => void): void {
    this.#interrupt(interrupt);
    this.sampler.sample();
    this.#interrupt(() => {});
  }

  #interrupt(interrupt: () => void): void {
    if (this.#windows instanceof InterruptedWindows) this.#windows.interrupt = interrupt;
    this.#mover.interrupt = interrupt;
  }

  /** What the rings may return, by the action that names the transition. */
  expected(capacity = this.#options.spec.capacity): Map<number, ModelSample> {
    return new Map(this.models.flatMap((model) => [...model.samples(this.#options.rule, capacity)]));
  }

  /** The batch as the sampler left it. */
  sampled(): (ModelSample & { readonly action: number; readonly weight: number })[] {
    const { size, observationSize, actionSize, maskSize, nextLegal } = this.batch;
    const floats = new Float32Array(this.buffer);
    const integers = new Int32Array(this.buffer);
    const bytes = new Uint8Array(this.buffer);
    const rows = (offset: number, index: number) => {
      const first = offset / 4 + index * observationSize;
      return [...floats.subarray(first, first + observationSize)];
    };
    return Array.from({ length: size }, (_, index) => {
      const legal = (nextLegal ?? 0) + index * maskSize;
      return {
        action: this.#nameOf(integers.subarray(this.batch.action / 4 + index * actionSize), actionSize),
        weight: floats[this.batch.weight / 4 + index],
        observation: rows(this.batch.observation, index),
        nextObservation: rows(this.batch.nextObservation, index),
        nStepReturn: floats[this.batch.nStepReturn / 4 + index],
        bootstrapDiscount: floats[this.batch.bootstrapDiscount / 4 + index],
        nextLegal: nextLegal === undefined ? [] : [...bytes.subarray(legal, legal + maskSize)],
      };
    });
  }

  /** What lies in the field columns at a row, counted from the first ever written to the ring. */
  storedFields(ring: number, row: number): number[][] {
    const { plan, buffer } = this;
    const slot = ring * plan.capacity + ((plan.startPosition + row) % plan.capacity);
    const columns = { u8: new Uint8Array(buffer), i32: new Int32Array(buffer), f32: new Float32Array(buffer) };
    return plan.fields.map(({ dtype, size }, index) => {
      const first = plan.fieldOffsets[index] / columns[dtype].BYTES_PER_ELEMENT + slot * size;
      return Array.from(columns[dtype].subarray(first, first + size));
    });
  }

  #writer(ring: number): RingWriter {
    return new RingWriter(this.buffer, this.plan, ring, this.#writerMover);
  }

  /** The number that an action's words agree on; NaN where they do not. */
  #nameOf(words: Int32Array, count: number): number {
    const agree = words.subarray(0, count).every((value, word) => value - word === words[0]);
    return agree ? words[0] : Number.NaN;
  }

  #moment(): ModelMoment {
    const { spec } = this.#options;
    const value = () =>
      spec.observationDtype === 'u8' ? this.random.integer(256) : this.random.integer(4001) / 8 - 250;
    return {
      observation: Array.from({ length: spec.observationSize }, value),
      legal: spec.hasActionMask ? Array.from({ length: spec.maskSize }, () => this.random.integer(2)) : [],
    };
  }

  #step(): ModelStep {
    const scale = { u8: 63, i32: 70_000, f32: 0.25 };
    return {
      ...this.#moment(),
      action: this.#actions++,
      reward: this.random.integer(64) / 4 - 8,
      fields: this.#options.spec.fields.map(({ dtype, size }) =>
        Array.from({ length: size }, () => this.random.integer(5) * scale[dtype]),
      ),
    };
  }

  #stage(step: ModelStep, end: 'open' | 'terminated' | 'truncated', final: ModelMoment): void {
    const transition = this.#transition;
    const bytes = new Uint8Array(this.buffer);
    const observations = this.#options.spec.observationDtype === 'u8' ? bytes : new Float32Array(this.buffer);
    observations.set(step.observation, transition.observation / observations.BYTES_PER_ELEMENT);
    observations.set(final.observation, transition.finalObservation / observations.BYTES_PER_ELEMENT);
    bytes.set(step.legal, transition.legal);
    bytes.set(final.legal, transition.finalLegal);
    // All words of an action tell the same: a word from another row shows.
    transition.action.forEach((_, word) => {
      transition.action[word] = step.action + word;
    });
    Object.assign(transition, {
      reward: step.reward,
      terminated: end === 'terminated',
      truncated: end === 'truncated',
      fields: step.fields,
    });
  }
}
