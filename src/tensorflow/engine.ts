import { MarlinError } from '../errors.js';
import type { TensorFlow } from './custom-network.js';
import { registerWasmKernels } from './wasm-kernels.js';

/** TensorFlow.js as it runs in one thread. */
export interface TensorFlowEngine {
  readonly tf: TensorFlow;
  /** For records and people, for example `TensorFlow.js 4.22.0, wasm`. */
  readonly name: string;
}

interface EngineKind {
  /** What TensorFlow.js calls the backend. */
  readonly backend: string;
  /** Packages that must all be there. */
  readonly packages: readonly string[];
  load(): Promise<TensorFlow>;
}

/** Its install script downloads a binary, so it is used where it is and never asked for. */
const nodePackage = '@tensorflow/tfjs-node';
/** The second registers the gradients of operations, so networks of operations need it as well. */
const commonPackages = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers'];

/** In the order of preference. */
const engineKinds: readonly EngineKind[] = [
  {
    backend: 'tensorflow',
    packages: [nodePackage],
    load: async () => defaultOf<TensorFlow>((await import(nodePackage)) as Loaded<TensorFlow>),
  },
  { backend: 'wasm', packages: [...commonPackages, '@tensorflow/tfjs-backend-wasm'], load: loadWasm },
  {
    backend: 'cpu',
    packages: [...commonPackages, '@tensorflow/tfjs-backend-cpu'],
    load: async () => {
      const tf = await loadCommon();
      await import('@tensorflow/tfjs-backend-cpu');
      return tf;
    },
  },
];

let started: Promise<TensorFlowEngine> | undefined;

/**
 * Starts TensorFlow.js in the calling thread, once. Which backend it uses depends only on what is installed, so that all
 * threads of a run choose alike.
 * @throws MarlinError `ERR_TENSORFLOW` where it is not installed or cannot be started
 */
export async function startTensorFlow(): Promise<TensorFlowEngine> {
  started ??= start();
  return started;
}

async function start(): Promise<TensorFlowEngine> {
  const kind = engineKinds.find(({ packages }) => packages.every(isInstalled));
  if (kind === undefined) {
    const install = `npm install ${commonPackages.join(' ')} @tensorflow/tfjs-backend-wasm`;
    const message = `A network of one's own needs TensorFlow.js, which is not installed: ${install}`;
    throw new MarlinError('ERR_TENSORFLOW', message);
  }
  const { backend, packages } = kind;
  const found = packages.at(-1);
  try {
    const tf = await withoutFatalRejections(async () => {
      const loaded = await kind.load();
      // Spares its checks and its advice on the console.
      loaded.enableProdMode();
      if (!(await loaded.setBackend(backend))) throw new Error(`its backend ${backend} did not start`);
      await loaded.ready();
      return loaded;
    });
    return { tf, name: `TensorFlow.js ${tf.version_core}, ${backend === 'tensorflow' ? 'tfjs-node' : backend}` };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MarlinError('ERR_TENSORFLOW', `${found} is installed, but could not be started: ${reason}`, { cause });
  }
}

/** Whether a package can be imported from here, without doing so. */
function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

async function loadWasm(): Promise<TensorFlow> {
  const tf = await loadCommon();
  const { setThreadsCount } = await import('@tensorflow/tfjs-backend-wasm');
  // A learner has its own thread already, and the order of sums must not depend on how many there are.
  setThreadsCount(1);
  registerWasmKernels(tf);
  return tf;
}

async function loadCommon(): Promise<TensorFlow> {
  const [core, layers] = await Promise.all([import('@tensorflow/tfjs-core'), import('@tensorflow/tfjs-layers')]);
  return { ...core, ...layers };
}

/** A CommonJS module as `import` gives it. */
type Loaded<T> = T & { readonly default?: T };

function defaultOf<T>(loaded: Loaded<T>): T {
  return loaded.default ?? loaded;
}

/**
 * Emscripten's loader, within the wasm backend, makes every unhandled rejection of the process fatal. That is not for a
 * library to decide: its listeners are taken off again.
 */
async function withoutFatalRejections<T>(work: () => Promise<T>): Promise<T> {
  const events = ['uncaughtException', 'unhandledRejection'];
  const before = events.map((event) => process.listeners(event as 'exit'));
  try {
    return await work();
  } finally {
    events.forEach((event, index) => {
      for (const listener of process.listeners(event as 'exit')) {
        const isEmscripten = /ExitStatus|throw reason/.test(String(listener));
        if (isEmscripten && !before[index].includes(listener)) process.off(event, listener);
      }
    });
  }
}
