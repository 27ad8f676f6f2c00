import type { ParameterTensor } from '#marlin/network/parameter-layout.js';
import { readTensor, writeTensor } from '#marlin/network/parameter-layout.js';
import type { KernelMemory } from '../kernels/kernel-memory.js';

/** The memory of a learner under test, by the names of its tensors. */
export abstract class LearnerMemory {
  abstract readonly memory: KernelMemory;
  abstract readonly network: { readonly parameters: readonly ParameterTensor[]; readonly parameterCount: number };

  /** The live block of parameters, target parameters or gradients that begins at `offset`. */
  block(offset: number): Float32Array {
    return new Float32Array(this.memory.buffer, offset, this.network.parameterCount);
  }

  write(offset: number, tensors: Readonly<Record<string, { readonly data: ArrayLike<number> }>>): void {
    for (const tensor of this.network.parameters) {
      writeTensor(this.block(offset), tensor, tensors[tensor.name]?.data ?? []);
    }
  }

  read(offset: number, name: string): Float32Array {
    const tensor = this.network.parameters.find((candidate) => candidate.name === name);
    if (tensor === undefined) throw new Error(`The network has no tensor ${name}.`);
    return readTensor(this.block(offset), tensor);
  }

  /** Values of all tensors by name, in the order of their shapes. */
  readAll(offset: number): Record<string, Float32Array> {
    return Object.fromEntries(this.network.parameters.map(({ name }) => [name, this.read(offset, name)]));
  }

  fill(offset: number, values: ArrayLike<number>): void {
    new Float32Array(this.memory.buffer, offset, values.length).set(values);
  }

  fillWords(offset: number, values: ArrayLike<number>): void {
    new Int32Array(this.memory.buffer, offset, values.length).set(values);
  }

  fillBytes(offset: number | undefined, values: ArrayLike<number>): void {
    if (offset !== undefined) new Uint8Array(this.memory.buffer, offset, values.length).set(values);
  }
}
