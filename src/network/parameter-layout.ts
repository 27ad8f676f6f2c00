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

/** A tensor by itself, its values in the order of its shape. Plain data. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** All tensors of a block, as files and other programs take them. */
export function readTensors(block: Float32Array, tensors: readonly ParameterTensor[]): NamedTensor[] {
  return tensors.map((tensor) => ({ name: tensor.name, shape: tensor.shape, values: readTensor(block, tensor) }));
}

/**
 * What keeps `named` from being the parameters of a network: a tensor too many, too few, or of another shape.
 * @returns undefined where they fit
 */
export function tensorMismatch(tensors: readonly ParameterTensor[], named: readonly NamedTensor[]): string | undefined {
  for (const { name, shape } of tensors) {
    const found = named.find((tensor) => tensor.name === name);
    if (found === undefined) return `it lacks ${name}`;
    const [have, want] = [found.shape, shape].map((extents) => `[${extents.join(', ')}]`);
    if (have !== want) return `${name} is ${have} rather than ${want}`;
  }
  const other = named.find(({ name }) => !tensors.some((tensor) => tensor.name === name));
  return other === undefined ? undefined : `it has ${other.name}, which is not among the parameters`;
}

/** The reverse of {@link readTensors}, for tensors without a {@link tensorMismatch}. */
export function writeTensors(
  block: Float32Array,
  tensors: readonly ParameterTensor[],
  named: readonly NamedTensor[],
): void {
  for (const { name, values } of named) {
    const tensor = tensors.find((candidate) => candidate.name === name);
    if (tensor !== undefined) writeTensor(block, tensor, values);
  }
}
