import { parentPort, workerData } from 'node:worker_threads';
import { PrioritizedDraw } from '#marlin/buffer/prioritized-draw.js';
import { ringControl } from '#marlin/buffer/ring-plan.js';
import { RingSampler } from '#marlin/buffer/ring-sampler.js';
import { RingWindows } from '#marlin/buffer/ring-windows.js';
import { RingWriter } from '#marlin/buffer/ring-writer.js';
import { UniformDraw } from '#marlin/buffer/uniform-draw.js';
import { instantiateKernels } from '#marlin/kernels/kernels.js';
import { RandomStream } from '#marlin/random.js';
import { Disturbance, DisturbedMover } from './disturbance.js';
import { CanaryCheck, canaryOf, isLastStep, isTerminated, rewardOf } from './ring-canary.js';

/**
 * @typedef {'none' | 'claim after fill' | 'head before data' | 'no validation'} Breakage
 *
 * @typedef {object} Common
 * @property {import('#marlin/kernels/kernels.js').KernelModule} module
 * @property {import('#marlin/kernels/kernels.js').KernelMemory} memory
 * @property {import('#marlin/buffer/ring-plan.js').RingPlan} plan
 * @property {Int32Array} stop one word: 1 = end
 * @property {Breakage} breakage
 * @property {number} seed
 * @property {number} oneIn see Disturbance
 *
 * @typedef {Common & { role: 'write', rings: number[], firstRows: number[], generation: number, staging: number }} WriterData
 *
 * @typedef {Common & {
 *   role: 'sample',
 *   batch: import('#marlin/buffer/transition-batch.js').TransitionBatch,
 *   rule: import('#marlin/buffer/transition-reader.js').SamplingRule,
 *   scratch: import('#marlin/buffer/transition-reader.js').ReaderLists,
 *   prioritized: Pick<import('#marlin/buffer/prioritized-draw.js').PrioritizedDrawParts, 'settings' | 'state' | 'lists'>
 *     | undefined,
 *   starts: Int32Array,
 *   samples: number,
 *   redraws: number,
 * }} SamplerData
 *
 * @typedef {{ samples: number, torn: number, redraws: number, seconds: number }} SamplerReport
 */

/** @type {WriterData | SamplerData} */
const data = workerData;
const kernels = instantiateKernels(data.module, data.memory);
const disturbance = new Disturbance(data.seed, data.oneIn, 3000);
const mover = new DisturbedMover(kernels, disturbance);
const { buffer } = data.memory;

class DisturbedWriter extends RingWriter {
  /** @override */
  claim() {
    if (data.breakage === 'claim after fill') return;
    super.claim();
    if (data.breakage === 'head before data') Atomics.store(this.control, ringControl.head, this.position + 1);
    disturbance.perhapsPause();
  }

  /**
   * @override
   * @param {number} rows
   */
  publish(rows) {
    disturbance.perhapsPause();
    if (data.breakage === 'claim after fill') super.claim();
    super.publish(rows);
  }
}

class DisturbedWindows extends RingWindows {
  /**
   * @override
   * @param {number} ring
   */
  loadClaim(ring) {
    disturbance.perhapsPause();
    // A claim that vouches for every row that the sampler could have drawn.
    return data.breakage === 'no validation' ? this.heads[ring] : super.loadClaim(ring);
  }
}

/** @param {WriterData} writer */
function write({ plan, rings, firstRows, generation, staging }) {
  const size = plan.observationSize;
  const writers = rings.map((ring) => new DisturbedWriter(buffer, plan, ring, mover));
  const rows = rings.map(() => 0);
  const words = new Int32Array(buffer);
  const transition = {
    observation: staging,
    finalObservation: staging + size,
    legal: staging,
    finalLegal: staging + size,
    action: new Int32Array(1),
    reward: 0,
    terminated: false,
    truncated: false,
    cut: false,
    fields: [[0]],
  };
  while (Atomics.load(data.stop, 0) === 0) {
    for (const [index, ring] of rings.entries()) {
      const sinceStart = rows[index];
      const row = firstRows[index] + sinceStart;
      const canary = canaryOf(ring, row, generation);
      const ends = isLastStep(sinceStart);
      words.fill(canary, staging / 4, (staging + size) / 4);
      if (ends) words.fill(canaryOf(ring, row + 1, generation), (staging + size) / 4, (staging + 2 * size) / 4);
      transition.action[0] = row * plan.rings + ring;
      transition.reward = rewardOf(canary);
      transition.terminated = ends && isTerminated(sinceStart);
      transition.truncated = ends && !isTerminated(sinceStart);
      writers[index].append(transition);
      rows[index] += ends ? 2 : 1;
    }
  }
}

/**
 * @param {SamplerData} sampler
 * @returns {SamplerReport}
 */
function sample({ plan, batch, rule, scratch, prioritized, starts, samples, redraws, seed }) {
  const random = RandomStream.named({ seed, role: 'replay' });
  const windows = new DisturbedWindows(buffer, plan, rule.frames);
  const common = { buffer, plan, batch, steps: rule.steps, kernels, windows, random };
  const draw =
    prioritized === undefined
      ? new UniformDraw(plan, batch.size, windows, random)
      : new PrioritizedDraw({ ...common, ...prioritized });
  const errors = new Float32Array(buffer, batch.priority, batch.size);
  const sampler = new RingSampler(buffer, plan, batch, rule, scratch, mover, draw);
  const check = new CanaryCheck(buffer, plan, batch, rule, starts);
  while (!sampler.ready()) Atomics.wait(data.stop, 0, 0, 1);
  const report = { samples: 0, torn: 0, redraws: 0, seconds: 0 };
  const start = performance.now();
  while ((report.samples < samples || sampler.redraws < redraws) && report.torn === 0) {
    sampler.sample();
    report.torn += check.torn();
    report.samples += batch.size;
    for (let index = 0; index < batch.size; index++) errors[index] = (report.samples + 7 * index) % 11;
    sampler.learned();
  }
  report.redraws = sampler.redraws;
  report.seconds = (performance.now() - start) / 1000;
  return report;
}

if (data.role === 'write') write(data);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
else parentPort?.postMessage(sample(data));
