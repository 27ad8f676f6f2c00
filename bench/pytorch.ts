import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process that times PyTorch on one thread. */
export interface PyTorch {
  readonly version: string;
  /** Seconds per call of what the script is asked for, for example `step factorised 10`. */
  secondsPerCall(request: string): Promise<number>;
  close(): void;
}

/** The script lies in `bench/`, the built benchmarks beside it in `dist-bench/`. */
const folder = fileURLToPath(new URL('../bench/', import.meta.url));

/** Starts a script with the first Python that can import torch; undefined where none can. */
export async function startPyTorch(script: string, sizes: unknown): Promise<PyTorch | undefined> {
  for (const python of ['python3', '/usr/bin/python3']) {
    const started = await start(python, `${folder}${script}`, sizes);
    if (started !== undefined) return started;
  }
  return undefined;
}

async function start(python: string, script: string, sizes: unknown): Promise<PyTorch | undefined> {
  // OpenBLAS finds the machine's kernels by itself; a setting meant for another would slow it down.
  const { OPENBLAS_CORETYPE: _coreType, OPENBLAS_L2_SIZE: _l2Size, ...env } = process.env;
  const child = spawn(python, [script, JSON.stringify(sizes)], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout });
  const ended = Promise.race([once(lines, 'close'), once(child, 'error')]).then(() => undefined);
  const answer = async () => {
    const line = await Promise.race([once(lines, 'line'), ended]);
    return line === undefined ? undefined : (JSON.parse(String(line[0])) as unknown);
  };
  const greeting = (await answer()) as { readonly torch: string } | undefined;
  if (greeting === undefined) return undefined;
  return {
    version: greeting.torch,
    secondsPerCall: async (request) => {
      const answered = answer();
      child.stdin.write(`${request}\n`);
      const measured = (await answered) as { readonly secondsPerCall: number } | undefined;
      if (measured === undefined) throw new Error(`${script} ended at "${request}".`);
      return measured.secondsPerCall;
    },
    close: () => child.stdin.end(),
  };
}
