import { availableParallelism, totalmem } from 'node:os';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createKernelMemory, instantiateKernels, kernelHash, kernelModule } from '../kernels/kernels.js';
import { packageVersion } from '../system/version.js';
import { startTensorFlow } from '../tensorflow/engine.js';
import { exitCodes } from './exit-codes.js';

/** One finding: a line for people. `isNeeded` findings that fail make the command fail. */
interface Finding {
  readonly what: string;
  readonly isGood: boolean;
  readonly isNeeded: boolean;
  readonly detail: string;
}

/** Packages that Marlin uses where the user has installed them. */
const optionalPackages = [
  ['tsx', 'configurations and environments in TypeScript on Node without type stripping'],
] as const;

/** Prints what this machine has and lacks, and returns the exit code. */
export async function examineMachine(): Promise<number> {
  const findings = await examine();
  for (const finding of findings) process.stdout.write(`${lineOf(finding)}\n`);
  return findings.some((finding) => finding.isNeeded && !finding.isGood) ? exitCodes.failed : exitCodes.ok;
}

async function examine(): Promise<Finding[]> {
  return [
    { what: 'Marlin', isGood: true, isNeeded: false, detail: packageVersion() },
    examineNode(),
    needed('Kernels (WebAssembly SIMD)', () => {
      kernelModule();
      return `compiled, SHA-256 ${kernelHash().slice(0, 12)}…`;
    }),
    needed('Shared memory', () => {
      const memory = createKernelMemory(64 * 2 ** 20);
      instantiateKernels(kernelModule(), memory);
      return `${memory.buffer.byteLength / 2 ** 20} MiB were had`;
    }),
    examineLargeMemory(),
    await examineThreads(),
    examineCores(),
    ...optionalPackages.map(([name, use]) => examinePackage(name, use)),
    await examineTensorFlow(),
  ];
}

function examineNode(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isGood = major > 20 || (major === 20 && minor >= 19);
  const detail = `${process.version} on ${process.platform}/${process.arch}${isGood ? '' : '; at least 20.19 is needed'}`;
  return { what: 'Node.js', isGood, isNeeded: true, detail };
}

function examineCores(): Finding {
  const cores = availableParallelism();
  const memory = `${(totalmem() / 2 ** 30).toFixed(1)} GiB of memory`;
  const detail = cores > 1 ? `${cores}, ${memory}` : `1, ${memory}; an actor and learners would share it`;
  return { what: 'Cores', isGood: cores > 1, isNeeded: false, detail };
}

/** Every shared memory reserves about 10 GiB of address space; a limit on that (ulimit -v) shows here. */
function examineLargeMemory(): Finding {
  const count = 16;
  const what = 'Address space';
  try {
    Array.from({ length: count }, () => createKernelMemory(2 ** 20));
    return { what, isGood: true, isNeeded: false, detail: `${count} shared memories at once` };
  } catch (error) {
    const detail = `fewer than ${count} shared memories at once; see ulimit -v (${messageOf(error)})`;
    return { what, isGood: false, isNeeded: false, detail };
  }
}

async function examineThreads(): Promise<Finding> {
  const what = 'Threads';
  const word = new Int32Array(new SharedArrayBuffer(4));
  const source =
    'const { workerData } = require("node:worker_threads"); Atomics.store(workerData, 0, 1); Atomics.notify(workerData, 0);';
  try {
    const worker = new Worker(source, { eval: true, workerData: word });
    const wait = Atomics.waitAsync(word, 0, 0, 5_000);
    const failed = new Promise<never>((_, reject) => worker.once('error', reject));
    const outcome = wait.async ? await Promise.race([wait.value, failed]) : wait.value;
    await worker.terminate();
    if (outcome === 'timed-out') throw new Error('a worker did not answer through shared memory within 5 s');
    return { what, isGood: true, isNeeded: true, detail: 'a worker answered through shared memory' };
  } catch (error) {
    return { what, isGood: false, isNeeded: true, detail: messageOf(error) };
  }
}

/** Only custom networks need it. Starting it takes about a second. */
async function examineTensorFlow(): Promise<Finding> {
  const what = 'Custom networks';
  try {
    const { name } = await startTensorFlow();
    return { what, isGood: true, isNeeded: false, detail: name };
  } catch (error) {
    return { what, isGood: false, isNeeded: false, detail: messageOf(error) };
  }
}

function examinePackage(name: string, use: string): Finding {
  const what = `Optional package ${name}`;
  try {
    createRequire(pathToFileURL(join(process.cwd(), 'package.json'))).resolve(name);
    return { what, isGood: true, isNeeded: false, detail: `found; ${use}` };
  } catch {
    return { what, isGood: false, isNeeded: false, detail: `not installed; ${use}` };
  }
}

function needed(what: string, examineIt: () => string): Finding {
  try {
    return { what, isGood: true, isNeeded: true, detail: examineIt() };
  } catch (error) {
    return { what, isGood: false, isNeeded: true, detail: messageOf(error) };
  }
}

function lineOf({ what, isGood, isNeeded, detail }: Finding): string {
  const mark = isGood ? 'ok     ' : isNeeded ? 'MISSING' : 'note   ';
  return `${mark}  ${what}: ${detail}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
