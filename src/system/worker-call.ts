import { expose } from 'comlink';
import { parentPort } from 'node:worker_threads';
import type { ErrorData } from '../errors.js';
import { errorToData, MarlinError } from '../errors.js';
import { nodeEndpoint } from './node-endpoint.js';

/**
 * How a worker's one call ends: errors travel as data, because comlink's own way of throwing drops `code` and `cause`.
 */
export type WorkerOutcome = { readonly ok: true } | { readonly ok: false; readonly error: ErrorData };

/** What a worker says once its modules are loaded; comlink takes no notice of it. */
const loaded = 'loaded';

/** What a worker offers: one long call. */
export interface WorkerApi {
  run(task: unknown): Promise<WorkerOutcome>;
}

/** Called by a worker entry: offers `work` as the worker's one call. */
export function exposeWork<Task>(work: (task: Task) => void | Promise<void>): void {
  if (parentPort === null) throw new MarlinError('ERR_STATE', 'A worker entry was imported outside of a worker.');
  const api: WorkerApi = {
    async run(task) {
      try {
        await work(task as Task);
        return { ok: true };
      } catch (thrown) {
        return { ok: false, error: errorToData(thrown) };
      }
    },
  };
  expose(api, nodeEndpoint(parentPort));
  parentPort.postMessage(loaded);
}
