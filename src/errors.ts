/**
 * The one error class of Marlin. Match on `code`, which is stable; messages may be reworded.
 *
 * | code | meaning |
 * | --- | --- |
 * | `ERR_CONFIGURATION` | a setting was refused before anything started; see `field`, `value`, `bound` |
 * | `ERR_ENVIRONMENT` | an environment broke its contract or threw |
 * | `ERR_NOT_FINITE` | a loss or gradient became NaN or infinite |
 * | `ERR_NO_ELIGIBLE_ROW` | the ring holds no row that a batch could use |
 * | `ERR_THREADS` | no worker thread can be had on this machine, or may be started by this process |
 * | `ERR_WORKER` | a worker thread failed; its own error is the `cause` |
 * | `ERR_WORKER_EXIT` | a worker thread ended before its work was done |
 * | `ERR_WORKER_HANG` | a worker thread ended no turn and no training step for too long |
 * | `ERR_RESTARTS` | a worker failed more often than `parallel.restart` allows; its last error is the cause |
 * | `ERR_STATE` | a method was called at a time when it has no meaning |
 * | `ERR_RUN_DIRECTORY` | the run directory could not be created, written or read |
 * | `ERR_TENSOR_FILE` | a safetensors file is missing, damaged, or holds something else than was asked for |
 * | `ERR_SCHEDULE` | a recorded schedule is missing or damaged |
 * | `ERR_REPRODUCTION` | a run cannot be reproduced here, for example on another engine |
 * | `ERR_CHECKPOINT` | a checkpoint is missing, damaged, does not fit, or could not be written |
 * | `ERR_KERNELS` | the WebAssembly kernels are missing or do not fit this engine |
 * | `ERR_NETWORK` | a custom network broke its contract or threw |
 * | `ERR_TENSORFLOW` | TensorFlow.js, which a custom network needs, is not installed or could not be started |
 */
export type MarlinErrorCode =
  | 'ERR_CONFIGURATION'
  | 'ERR_ENVIRONMENT'
  | 'ERR_NOT_FINITE'
  | 'ERR_NO_ELIGIBLE_ROW'
  | 'ERR_THREADS'
  | 'ERR_WORKER'
  | 'ERR_WORKER_EXIT'
  | 'ERR_WORKER_HANG'
  | 'ERR_RESTARTS'
  | 'ERR_STATE'
  | 'ERR_RUN_DIRECTORY'
  | 'ERR_TENSOR_FILE'
  | 'ERR_SCHEDULE'
  | 'ERR_REPRODUCTION'
  | 'ERR_CHECKPOINT'
  | 'ERR_KERNELS'
  | 'ERR_NETWORK'
  | 'ERR_TENSORFLOW';

export class MarlinError extends Error {
  readonly code: MarlinErrorCode;

  constructor(code: MarlinErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'MarlinError';
    this.code = code;
  }
}

/** A setting that was refused: what was wrong, the value, and what would be right. */
export class ConfigurationError extends MarlinError {
  /** Path of the setting, for example `parallel.bufferCapacity`. */
  readonly field: string;
  /** The refused value, as given. */
  readonly value: unknown;
  /** What would be right, in words, for example `at least 146`. */
  readonly bound: string;

  constructor(field: string, value: unknown, bound: string, why = '') {
    super('ERR_CONFIGURATION', `${field} is ${describe(value)}, but must be ${bound}${why === '' ? '' : ` (${why})`}.`);
    this.name = 'ConfigurationError';
    this.field = field;
    this.value = value;
    this.bound = bound;
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  const text = jsonOf(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** Whatever was thrown or configured must be describable: circular structures and BigInts are not JSON. */
function jsonOf(value: object): string {
  try {
    return JSON.stringify(value) ?? Object.prototype.toString.call(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** An error as plain data: what crosses a thread boundary without losing `code`, `cause` or the fields. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly cause: ErrorData | undefined;
  readonly configuration: { readonly field: string; readonly value: unknown; readonly bound: string } | undefined;
}

const maximumCauseDepth = 8;

/** Turns anything that was thrown into data that survives a structured clone. */
export function errorToData(thrown: unknown, depth = 0): ErrorData {
  if (!(thrown instanceof Error)) {
    return {
      name: 'Error',
      message: describe(thrown),
      stack: undefined,
      code: undefined,
      cause: undefined,
      configuration: undefined,
    };
  }
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  const hasCause = thrown.cause !== undefined && depth < maximumCauseDepth;
  return {
    name: thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    code,
    cause: hasCause ? errorToData(thrown.cause, depth + 1) : undefined,
    configuration:
      thrown instanceof ConfigurationError
        ? { field: thrown.field, value: cloneable(thrown.value), bound: thrown.bound }
        : undefined,
  };
}

function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return describe(value);
  }
}

/** What was thrown as an error; values that are none are described, the same as when they cross a thread boundary. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : errorFromData(errorToData(thrown));
}

/** The reverse of {@link errorToData}. Codes that are not Marlin's stay on a plain `Error`. */
export function errorFromData(data: ErrorData): Error {
  const options = data.cause === undefined ? undefined : { cause: errorFromData(data.cause) };
  const error =
    data.configuration === undefined
      ? data.name === 'MarlinError'
        ? new MarlinError(data.code as MarlinErrorCode, data.message, options)
        : Object.assign(new Error(data.message, options), data.code === undefined ? {} : { code: data.code })
      : new ConfigurationError(data.configuration.field, data.configuration.value, data.configuration.bound);
  if (options !== undefined) error.cause = options.cause;
  error.name = data.name;
  error.message = data.message;
  if (data.stack !== undefined) error.stack = data.stack;
  return error;
}
