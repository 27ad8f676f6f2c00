import { createKernelMemory, firstFreeByte, instantiateKernels, kernelModule } from '#marlin/kernels/kernels.js';
import type { Kernels } from '#marlin/kernels/kernels.js';

/** Kernels over a memory of their own, and a place to put numbers into it. */
export class KernelMemory {
  readonly kernels: Kernels;
  #end = firstFreeByte;

  constructor(bytes = 1 << 24) {
    this.kernels = instantiateKernels(kernelModule(), createKernelMemory(bytes));
  }

  get buffer(): SharedArrayBuffer {
    return this.kernels.memory.buffer;
  }

  /** Forgets everything laid out so far. */
  reset(): this {
    this.#end = firstFreeByte;
    return this;
  }

  /** Room for `bytes`; an odd `shift` puts floats where v128 loads are not aligned. */
  room(bytes: number, shift = 0): number {
    const offset = Math.ceil(this.#end / 16) * 16 + shift * 4;
    this.#end = offset + bytes;
    return offset;
  }

  f32(values: ArrayLike<number>, shift = 0): number {
    const offset = this.room(values.length * 4, shift);
    new Float32Array(this.buffer, offset, values.length).set(values);
    return offset;
  }

  f64(values: ArrayLike<number>): number {
    const offset = this.room(values.length * 8);
    new Float64Array(this.buffer, offset, values.length).set(values);
    return offset;
  }

  i32(values: ArrayLike<number>): number {
    const offset = this.room(values.length * 4);
    new Int32Array(this.buffer, offset, values.length).set(values);
    return offset;
  }

  u8(values: ArrayLike<number>, shift = 0): number {
    const offset = this.room(values.length + shift) + shift;
    new Uint8Array(this.buffer, offset, values.length).set(values);
    return offset;
  }

  /** A copy of `count` floats. */
  floats(offset: number, count: number): Float32Array {
    return new Float32Array(this.buffer, offset, count).slice();
  }

  doubles(offset: number, count: number): Float64Array {
    return new Float64Array(this.buffer, offset, count).slice();
  }

  bytes(offset: number, count: number): Uint8Array {
    return new Uint8Array(this.buffer, offset, count).slice();
  }
}
