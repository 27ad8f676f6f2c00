import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import {
  createKernelMemory,
  firstFreeByte,
  instantiateKernels,
  kernelHash,
  kernelModule,
} from '#marlin/kernels/kernels.js';
import { KernelMemory } from './kernel-memory.js';

/** The error of loading the kernels from a copy of the built files whose kernels.wasm holds `wasm`. */
async function errorWith(wasm: string | undefined): Promise<unknown> {
  const built = dirname(dirname(fileURLToPath(import.meta.resolve('#marlin/kernels/kernels.js'))));
  const copy = mkdtempSync(join(tmpdir(), 'marlin-kernels-'));
  try {
    writeFileSync(join(copy, 'package.json'), '{ "type": "module" }');
    for (const file of ['errors.js', 'errors.js.map', 'kernels']) {
      cpSync(join(built, file), join(copy, file), { recursive: true });
    }
    rmSync(join(copy, 'kernels', 'kernels.wasm'));
    if (wasm !== undefined) writeFileSync(join(copy, 'kernels', 'kernels.wasm'), wasm);
    const loaded: unknown = await import(pathToFileURL(join(copy, 'kernels', 'kernels.js')).href);
    (loaded as { kernelModule: () => unknown }).kernelModule();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

describe('the kernels', () => {
  it('are compiled once', () => {
    expect(kernelModule()).toBe(kernelModule());
  });

  it('have the hash of their file', () => {
    const file = readFileSync(new URL(import.meta.resolve('#marlin/kernels/kernels.wasm')));
    expect(kernelHash()).toBe(createHash('sha256').update(file).digest('hex'));
  });

  it('leave everything from firstFreeByte on alone when they are instantiated', () => {
    const memory = createKernelMemory(firstFreeByte + 4096);
    const free = new Uint8Array(memory.buffer, firstFreeByte).fill(0xa5);
    instantiateKernels(kernelModule(), memory);
    expect(free.every((byte) => byte === 0xa5)).toBe(true);
  });

  it('work in a worker that is given module and memory', async () => {
    const memory = new KernelMemory();
    const values = memory.f32([3, 4]);
    const worker = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
       import(workerData.file).then(({ instantiateKernels }) => {
         const kernels = instantiateKernels(workerData.module, workerData.memory);
         parentPort.postMessage(kernels.sumOfSquares(workerData.values, 2));
       });`,
      {
        eval: true,
        workerData: {
          file: import.meta.resolve('#marlin/kernels/kernels.js'),
          module: kernelModule(),
          memory: memory.kernels.memory,
          values,
        },
      },
    );
    const answer = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
    expect(answer).toBe(25);
  });

  it('have a register loop that computes', () => {
    expect(new KernelMemory().kernels.multiplyAddPeak(1_000)).toBeGreaterThan(0);
  });
});

describe('a damaged installation', () => {
  it('without kernels says how to make them', async () => {
    const error = await errorWith(undefined);
    expect(error).toMatchObject({ code: 'ERR_KERNELS', message: expect.stringContaining('npm run build') });
  });

  it('with kernels that the engine cannot compile says what they need', async () => {
    const error = await errorWith('not WebAssembly');
    expect(error).toMatchObject({ code: 'ERR_KERNELS', message: expect.stringContaining('SIMD') });
  });
});

describe('a kernel memory', () => {
  it('is shared, of whole pages, and as large as asked for', () => {
    const { buffer } = createKernelMemory(100_000);
    expect(buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(buffer.byteLength).toBe(131_072);
  });

  it.each([2 ** 32 + 1, Infinity, Number.NaN])('is refused at %d bytes', (bytes) => {
    expect(() => createKernelMemory(bytes)).toThrow(expect.objectContaining({ code: 'ERR_KERNELS' }));
  });

  it('must be a shared one', () => {
    const memory = { buffer: new SharedArrayBuffer(65_536) };
    expect(() => instantiateKernels(kernelModule(), memory)).toThrow(expect.objectContaining({ code: 'ERR_KERNELS' }));
  });
});
