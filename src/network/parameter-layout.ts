/**
 * How the values of a matrix lie. `row-major` is the order of its shape; `column-major` keeps the columns of an
 * [out, in] weight matrix together, so that an input that is 0 can be skipped.
 */
export type Storage = 'row-major' | 'column-major';

/** One named tensor inside a flat parameter block. Plain data. */
export interface ParameterTensor {
  readonly name: string;
  /** What the tensor means: [out, in] for weights, [out] for biases. Its storage may differ. */
  readonly shape: readonly number[];
  readonly storage: Storage;
  /** Position of the first value in the block, in floats. */
  readonly offset: number;
  /** Number of values. */
  readonly size: number;
}

/**
 * Lays out the parameters of a network in one flat block of f32: the online and the target network, the optimizer's
 * moments, the gradients and every published weight slot share the layout.
 */
export class ParameterLayout {
  readonly #tensors: ParameterTensor[] = [];
  #count = 0;

  /** Appends a tensor and returns its position in floats. Tensors follow each other without gaps. */
  reserve(name: string, shape: readonly number[], storage: Storage = 'row-major'): number {
    const offset = this.#count;
    const size = shape.reduce((product, extent) => product * extent, 1);
    this.#tensors.push({ name, shape, storage, offset, size });
    this.#count += size;
    return offset;
  }

  /** Floats in the block. */
  get count(): number {
    return this.#count;
  }

  get tensors(): readonly ParameterTensor[] {
    return this.#tensors;
  }
}

/** A copy of one tensor's values in the order of its shape (row-major), whatever its storage. */
export function readTensor(block: Float32Array, tensor: ParameterTensor): Float32Array<ArrayBuffer> {
  const stored = block.subarray(tensor.offset, tensor.offset + tensor.size);
  const values = new Float32Array(tensor.size);
  if (tensor.storage === 'row-major') {
    values.set(stored);
  } else {
    forEachValue(tensor, (rowMajor, columnMajor) => {
      values[rowMajor] = stored[columnMajor];
    });
  }
  return values;
}

/** The reverse of {@link readTensor}. */
export function writeTensor(block: Float32Array, tensor: ParameterTensor, values: ArrayLike<number>): void {
  if (values.length !== tensor.size) {
    throw new RangeError(`${tensor.name} has ${tensor.size} values, not ${values.length}.`);
  }
  const stored = block.subarray(tensor.offset, tensor.offset + tensor.size);
  if (tensor.storage === 'row-major') {
    stored.set(values);
  } else {
    forEachValue(tensor, (rowMajor, columnMajor) => {
      stored[columnMajor] = values[rowMajor];
    });
  }
}

function forEachValue(tensor: ParameterTensor, visit: (rowMajor: number, columnMajor: number) => void): void {
  const [rows = 1, columns = 1] = tensor.shape;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) visit(row * columns + column, column * rows + row);
  }
}
