import { workerData } from 'node:worker_threads';
import { DoubleBufferPublisher, DoubleBufferReader } from '#marlin/buffer/double-buffer.js';
import { SnapshotPublisher, SnapshotReader } from '#marlin/buffer/snapshot.js';
import { WeightCopier } from '#marlin/buffer/weight-copier.js';
import { instantiateKernels } from '#marlin/kernels/kernels.js';
import { Disturbance, DisturbedMover } from './disturbance.js';

/**
 * @typedef {'none' | 'pins ignored' | 'flip before copy' | 'no second look' | 'no odd phase' | 'no re-check'} Breakage
 *
 * @typedef {object} Common
 * @property {import('#marlin/kernels/kernels.js').KernelModule} module
 * @property {import('#marlin/kernels/kernels.js').KernelMemory} memory
 * @property {import('#marlin/buffer/weights.js').WeightPlan} plan
 * @property {Int32Array} pins one word per reader
 * @property {Int32Array} stop one word: 1 = end
 * @property {Int32Array} counts of {@link figures} per reader, then those of the publisher
 * @property {Breakage} breakage
 * @property {number} index of the reader, the copier or (behind all of them) the publisher
 * @property {number} oneIn see Disturbance
 * @property {number} block a reader's private copies, or the publisher's source
 *
 * @typedef {Common & { role: 'read' | 'copy' | 'publish' }} WeightsWorkerData
 */

/** Words per thread in `counts`. */
export const figures = { acquisitions: 0, torn: 1, retries: 2, publications: 3, refusals: 4, count: 5 };

/** @param {WeightsWorkerData} data */
function classes({ module, memory, plan, pins, breakage, index, oneIn, block }) {
  const { buffer } = memory;
  const disturbance = new Disturbance(index, oneIn, 3000);
  const kernels = instantiateKernels(module, memory);
  const mover = new DisturbedMover(kernels, disturbance);
  const pinOf = (/** @type {number} */ reader) => ({ words: pins, index: reader });

  class DisturbedPublisher extends DoubleBufferPublisher {
    /**
     * @override
     * @param {number} slot
     */
    isPinned(slot) {
      if (breakage === 'pins ignored') return false;
      if (super.isPinned(slot)) return true;
      if (breakage === 'flip before copy') Atomics.add(this.control, 0, 1);
      disturbance.perhapsPause();
      return false;
    }

    /**
     * @override
     * @param {number} source
     */
    tryPublish(source) {
      const before = this.version;
      const published = super.tryPublish(source);
      // The slot was chosen before the flip; only the flip's time is wrong.
      if (published && breakage === 'flip before copy') Atomics.store(this.control, 0, before + 1);
      return published;
    }
  }

  class DisturbedReader extends DoubleBufferReader {
    /** @override */
    acquire() {
      if (breakage !== 'no second look') return super.acquire();
      const version = Atomics.load(this.control, 0);
      this.setPin(version & 1);
      this.version = version;
      return plan.slots[version & 1];
    }

    /**
     * @override
     * @param {number} slot
     */
    setPin(slot) {
      disturbance.perhapsPause();
      super.setPin(slot);
      disturbance.perhapsPause();
    }
  }

  class DisturbedSnapshotPublisher extends SnapshotPublisher {
    /**
     * @override
     * @param {number} source
     */
    tryPublish(source) {
      if (breakage !== 'no odd phase') return super.tryPublish(source);
      this.mover.copyBytes(this.plan.slots[0], source, this.plan.bytes);
      Atomics.add(this.control, 0, 2);
      return true;
    }
  }

  class DisturbedSnapshotReader extends SnapshotReader {
    /**
     * @override
     * @param {number} sequence
     */
    isUnchanged(sequence) {
      disturbance.perhapsPause();
      return breakage === 'no re-check' || super.isUnchanged(sequence);
    }
  }

  class DisturbedCopier extends WeightCopier {
    attempts = 0;

    /**
     * @override
     * @param {Uint8Array} destination
     */
    tryCopy(destination) {
      this.attempts++;
      disturbance.perhapsPause();
      return super.tryCopy(destination);
    }

    /**
     * @override
     * @param {number} word
     */
    isUnchanged(word) {
      disturbance.perhapsPause();
      return breakage === 'no re-check' || super.isUnchanged(word);
    }
  }

  return {
    disturbance,
    copier: () => new DisturbedCopier(buffer, plan),
    publisher: () =>
      plan.mode === 'double-buffer'
        ? new DisturbedPublisher(
            buffer,
            plan,
            Array.from(pins, (_, reader) => pinOf(reader)),
            mover,
          )
        : new DisturbedSnapshotPublisher(buffer, plan, mover),
    reader: () =>
      plan.mode === 'double-buffer'
        ? new DisturbedReader(buffer, plan, pinOf(index))
        : new DisturbedSnapshotReader(buffer, plan, mover, block),
  };
}

/** @param {WeightsWorkerData} data */
function read(data) {
  const { plan, memory, stop, counts, index } = data;
  const { reader: create, disturbance } = classes(data);
  const reader = create();
  const words = new Int32Array(memory.buffer);
  const first = index * figures.count;
  let newest = -1;
  let torn = 0;
  for (let acquisitions = 1; Atomics.load(stop, 0) === 0; acquisitions++) {
    const offset = reader.acquire() / 4;
    const { version } = reader;
    // The forward pass: it reads all weights, and takes its time.
    let isWhole = version >= newest;
    const end = offset + plan.bytes / 4;
    for (let word = offset; word < end; word++) if (words[word] !== version) isWhole = false;
    disturbance.perhapsPause();
    if (words[offset] !== version || words[end - 1] !== version) isWhole = false;
    reader.release();
    newest = version;
    if (!isWhole) torn++;
    counts[first + figures.acquisitions] = acquisitions;
    counts[first + figures.retries] = reader.retries;
    Atomics.store(counts, first + figures.torn, torn);
    // The environment's step, between pins. A sleeping actor is not interrupted while it holds a pin.
    if (acquisitions % 16 === 0) Atomics.wait(stop, 0, 0, 0.01);
    else disturbance.pause();
  }
}

/** @param {WeightsWorkerData} data */
async function copy(data) {
  const { plan, stop, counts, index } = data;
  const { copier: create, disturbance } = classes(data);
  const copier = create();
  const words = new Int32Array(plan.bytes / 4);
  const first = index * figures.count;
  let newest = -1;
  let torn = 0;
  for (let copies = 1; Atomics.load(stop, 0) === 0; copies++) {
    const version = await copier.copy(new Uint8Array(words.buffer));
    if (version < newest || words.some((word) => word !== version)) torn++;
    newest = version;
    counts[first + figures.acquisitions] = copies;
    counts[first + figures.retries] = copier.attempts - copies;
    Atomics.store(counts, first + figures.torn, torn);
    disturbance.pause();
  }
}

/** @param {WeightsWorkerData} data */
function publish(data) {
  const { plan, memory, stop, counts, index, block } = data;
  const { publisher: create, disturbance } = classes(data);
  const publisher = create();
  const source = new Int32Array(memory.buffer, block, plan.bytes / 4);
  const first = index * figures.count;
  while (Atomics.load(stop, 0) === 0) {
    source.fill(publisher.version + 1);
    while (!publisher.tryPublish(block) && Atomics.load(stop, 0) === 0) {
      counts[first + figures.refusals]++;
      disturbance.pause();
    }
    counts[first + figures.publications]++;
  }
}

/** @type {WeightsWorkerData | null} null where a test imports this file for its types */
const own = workerData;
if (own?.role === 'read') read(own);
if (own?.role === 'copy') await copy(own);
if (own?.role === 'publish') publish(own);
