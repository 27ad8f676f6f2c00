import { describe, expect, it } from 'vitest';
import { inFolder } from '../cli/run-command.js';
import { install, installAsTfjsNode, runIn } from './installation.js';

interface Outcome {
  readonly engine?: string;
  readonly code?: string;
  readonly message?: string;
  /** Whether anything loaded TensorFlow.js. */
  readonly isLoaded: boolean;
}

const fixtures = new URL('fixtures/', import.meta.url).href;
const trial = new URL('../system/fixtures/trial.js', import.meta.url).href;

/** A short run, by a custom network of test/tensorflow/fixtures if one is named. */
function script(network: string | undefined, execution = 'sequential'): string {
  const algorithm = {
    name: 'dqn',
    frameStack: 1,
    ...(network === undefined ? {} : { network: { module: `${fixtures}${network}` } }),
  };
  return `import { MarlSystem } from 'marlin-rl';
    const report = (outcome) => console.log(JSON.stringify({ ...outcome, isLoaded: '_tfengine' in globalThis }));
    const system = new MarlSystem({
      environment: { module: ${JSON.stringify(trial)} },
      agents: { algorithm: ${JSON.stringify(algorithm)} },
      experiment: { epochs: 3 },
      parallel: { execution: ${JSON.stringify(execution)}, learningStarts: 20, batchSize: 8 },
    });
    await system.run().then(
      (summary) => report({ engine: summary.agents[0].networkEngine }),
      ({ code, message }) => report({ code, message }),
    );`;
}

const asTfjsNode = `
  const tf = { ...require('@tensorflow/tfjs-core'), ...require('@tensorflow/tfjs-layers') };
  const { MathBackendCPU } = require('@tensorflow/tfjs-backend-cpu');
  tf.registerBackend('tensorflow', () => new MathBackendCPU());
  tf.copyRegisteredKernels('cpu', 'tensorflow');
  module.exports = tf;`;

const all = ['core', 'layers', 'backend-wasm', 'backend-cpu'];

describe('where TensorFlow.js is not installed', () => {
  it('runs without custom networks go on, and those with one are told what to install', async () => {
    await inFolder(async (folder) => {
      await install(folder, []);
      expect(await runIn<Outcome>(folder, script(undefined))).toEqual({ engine: 'kernels', isLoaded: false });
      expect(await runIn<Outcome>(folder, script('dense.js'))).toEqual({
        code: 'ERR_TENSORFLOW',
        message:
          "A network of one's own needs TensorFlow.js, which is not installed: " +
          'npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-wasm',
        isLoaded: false,
      });
    });
  });

  it('half of it is not enough', async () => {
    await inFolder(async (folder) => {
      await install(folder, ['core', 'backend-wasm']);
      expect(await runIn<Outcome>(folder, script('dense.js'))).toMatchObject({ code: 'ERR_TENSORFLOW' });
    });
  });
});

describe('where TensorFlow.js is installed', () => {
  it('nothing of it is loaded for runs without custom networks', async () => {
    await inFolder(async (folder) => {
      await install(folder, all);
      expect(await runIn<Outcome>(folder, script(undefined))).toEqual({ engine: 'kernels', isLoaded: false });
    });
  });

  it.each([
    { packages: all, execution: 'async', engine: 'wasm' },
    { packages: ['core', 'layers', 'backend-cpu'], execution: 'sequential', engine: 'cpu' },
  ])('a run computes with $engine where $packages are there', async ({ packages, execution, engine }) => {
    await inFolder(async (folder) => {
      await install(folder, packages);
      expect(await runIn<Outcome>(folder, script('dense.js', execution))).toEqual({
        engine: `TensorFlow.js 4.22.0, ${engine}`,
        isLoaded: true,
      });
    });
  });

  it('tfjs-node goes before all others', async () => {
    await inFolder(async (folder) => {
      await install(folder, all);
      await installAsTfjsNode(folder, asTfjsNode);
      expect(await runIn<Outcome>(folder, script('dense.js', 'async'))).toEqual({
        engine: 'TensorFlow.js 4.22.0, tfjs-node',
        isLoaded: true,
      });
    });
  });

  it('a tfjs-node without its binary is said to be broken, not passed over', async () => {
    await inFolder(async (folder) => {
      await install(folder, all);
      await installAsTfjsNode(folder, `throw new Error('tfjs_binding.node is missing')`);
      expect(await runIn<Outcome>(folder, script('dense.js'))).toEqual({
        code: 'ERR_TENSORFLOW',
        message: '@tensorflow/tfjs-node is installed, but could not be started: tfjs_binding.node is missing',
        isLoaded: false,
      });
    });
  });
});

it('changes nothing about errors that nobody handles', async () => {
  await inFolder(async (folder) => {
    await install(folder, all);
    const outcome = await runIn<Record<string, unknown>>(
      folder,
      `const { startTensorFlow } = await import('./node_modules/marlin-rl/dist/tensorflow/engine.js');
       const events = ['uncaughtException', 'unhandledRejection'];
       const own = () => {};
       process.on('unhandledRejection', own);
       const starting = startTensorFlow();
       process.on('uncaughtException', own);
       await starting;
       const listeners = events.map((event) => process.listeners(event).map((listener) => listener === own));
       console.log(JSON.stringify({ listeners, isSame: (await starting) === (await startTensorFlow()) }));`,
    );
    expect(outcome).toEqual({ listeners: [[true], [true]], isSame: true });
  });
});
